//! Files, drop-ins, environment and command line together; errors with their places; secrets that stay where they are.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use tempfile::TempDir;

use super::*;

#[test]
fn later_sources_override_earlier_ones_key_by_key() {
    let folder = folder(&[
        (
            "agent.toml",
            "[log]\nlevel = \"warn\"\n[retention]\nclock = \"authority-change\"\n[compliance]\nscript-timeout = 5\n",
        ),
        ("agent.d/10.toml", "[log]\nlevel = \"debug\"\n"),
        ("agent.d/20.toml", "[paths]\nstate = \"/srv/state\"\n"),
        ("agent.d/30.toml.off", "not even TOML"),
    ]);
    let mut sources = sources(&folder);
    let option =
        Setting { value: Some(Value::Text("/opt/state".to_owned())), origin: Origin::Option("--state".to_owned()) };
    sources.overrides.push((keys::STATE, option));
    let configuration = sources.load().unwrap();
    assert_eq!(configuration.log_level(), Some("debug"));
    assert_eq!(configuration.paths().state, Path::new("/opt/state"));
    assert_eq!(configuration.paths().runtime, Path::new(Paths::RUNTIME));
    assert_eq!(configuration.retention().clock, RetentionClock::AuthorityChange);
    assert_eq!(configuration.live().script_timeout, Duration::from_secs(5));
    let origins: BTreeMap<_, _> =
        configuration.settings().map(|(name, setting)| (name, setting.origin.to_string())).collect();
    assert!(origins[keys::LOG_LEVEL].ends_with("agent.d/10.toml:2"), "{origins:?}");
    assert!(origins[keys::SCRIPT_TIMEOUT].ends_with("agent.toml:6"), "{origins:?}");
    assert_eq!(origins[keys::STATE], "command line, --state");
    assert_eq!(origins[keys::PERSONAL], "default");
    assert_eq!(configuration.files().len(), 3);
}

#[test]
fn an_error_names_the_place_and_what_may_have_been_meant() {
    for (text, place, words) in [
        ("[log]\nlevle = \"info\"", (2, 1), "did you mean log.level?"),
        ("[lgo]\nlevel = \"info\"", (1, 2), "did you mean log?"),
        ("[log]\nlevel = \"loud\"", (2, 9), "one of \"error\""),
        ("[log]\nlevel = 3", (2, 9), "one of \"error\""),
        ("log = 3", (1, 1), "write [log]"),
        ("[paths]\n  state = \"here\"", (2, 11), "absolute path"),
        ("[compliance]\nscript-timeout = 0", (2, 18), "from 1 to 3600"),
        ("[ownership]\npersonal = \"yes\"", (2, 12), "true or false"),
        ("[proxy]\nurl = \"http://ada:tea@proxy\"", (2, 7), "credentials-file"),
        ("[proxy]\nurl = \"https://proxy\"", (2, 7), "plain HTTP"),
        ("[log]\nlevel = \"info\"\nlevel = \"warn\"", (3, 1), "duplicate key"),
        ("[log]\nlevel = ", (2, 9), ""),
    ] {
        let error = file::parse(Path::new("/a.toml"), text).unwrap_err();
        let ConfigError::Wrong { line, column, reason, .. } = &error else { panic!("{text}: {error}") };
        assert_eq!((*line, *column), place, "{text}: {error}");
        assert!(reason.contains(words) && !reason.contains("tea"), "{text}: {error}");
    }
}

#[test]
fn what_is_no_small_text_file_is_refused() {
    let folder = folder(&[("agent.toml", "[log]\nlevel = \"warn\"\n")]);
    let path = folder.path().join("agent.toml");
    std::fs::write(&path, vec![b'#'; 65 << 10]).unwrap();
    assert!(sources(&folder).load().unwrap_err().to_string().contains("larger than 65536"));
    std::fs::write(&path, b"# \xff").unwrap();
    assert!(sources(&folder).load().unwrap_err().to_string().contains("line 1, column 3: this is not UTF-8"));
    std::fs::remove_file(&path).unwrap();
    assert!(sources(&folder).load().unwrap_err().to_string().contains("does not exist"));
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(sources(&folder).load(), Err(ConfigError::NotAFile(_))));
}

#[test]
fn a_proxy_of_the_environment_comes_before_one_of_a_file_and_its_password_is_not_shown() {
    let text = "[proxy]\nurl = \"http://file:1\"\nno-proxy = [\"a.example\", \"b.example\"]\n";
    let folder = folder(&[("agent.toml", text)]);
    let proxy = |variables: &[(&str, &str)]| {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let configuration = sources(&folder).with_proxy_variables(variable).load().unwrap();
        (configuration.live().proxy.unwrap().host().unwrap(), configuration.shown(keys::PROXY_URL))
    };
    assert_eq!(proxy(&[]).0, "file:1");
    assert_eq!(proxy(&[("https_proxy", " "), ("HTTPS_PROXY", "http://b")]).0, "b:80");
    let (host, shown) = proxy(&[("https_proxy", "http://me:secret@a:1"), ("HTTPS_PROXY", "http://b:2")]);
    assert_eq!((host.as_str(), shown.as_str()), ("a:1", "http://a:1/"));
}

#[test]
fn credentials_come_from_a_file_that_is_the_owners_alone() {
    let folder = folder(&[("secret", "ada:t:ea\n")]);
    let secret = folder.path().join("secret");
    let text = format!("[proxy]\nurl = \"proxy:1\"\ncredentials-file = \"{}\"\n", secret.display());
    std::fs::write(folder.path().join("agent.toml"), text).unwrap();
    let proxy = || sources(&folder).load().unwrap().live().proxy;
    let chmod = |mode| std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(mode)).unwrap();
    chmod(0o640);
    let error = proxy().unwrap_err().to_string();
    assert!(error.contains("mode 640") && error.contains("chmod 600") && !error.contains("t:ea"), "{error}");
    chmod(0o600);
    let expected = crate::shell::http::ProxySettings::for_test("proxy:1", "");
    assert_eq!(proxy().unwrap(), expected.with_credentials("ada".to_owned(), mdm_protocol::Secret::new("t:ea")));
    std::fs::write(&secret, "no colon").unwrap();
    assert!(proxy().unwrap_err().to_string().contains("user:password"));
}

#[test]
fn a_change_says_whether_it_is_taken_at_once() {
    let before = Configuration::default();
    let folder = folder(&[("agent.toml", "[log]\nlevel = \"trace\"\n[paths]\nroot = \"/srv\"\n")]);
    let later = sources(&folder).load().unwrap();
    let changes: Vec<_> = before.changes(&later).into_iter().map(|change| (change.key, change.live)).collect();
    assert_eq!(changes, [(keys::LOG_LEVEL, true), (keys::ROOT, false)]);
    assert!(later.changes(&later).is_empty());
}

#[test]
fn every_default_is_what_its_setting_takes() {
    for key in KEYS {
        if let Some(value) = default_of(key) {
            assert_eq!(key.kind.check(&value), Ok(()), "{}", key.name);
        }
    }
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("agent.d")).unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn sources(folder: &TempDir) -> Sources {
    Sources { file: Some(folder.path().join("agent.toml")), overrides: Vec::new() }
}
