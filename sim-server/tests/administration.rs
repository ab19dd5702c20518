//! Administrators, their roles and what they see, over the admin API.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use mdm_sim_server::Server;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use support::{USER, admin, enrol, options};

/// Asks as the administrator with this token.
async fn ask(server: &Server, token: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
    let client = Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/api/v1{path}", server.admin_url());
    let request = client.request(Method::from_bytes(method.as_bytes()).unwrap(), url).bearer_auth(token);
    let response = request.body(body.to_owned()).send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
}

async fn appoint(server: &Server, name: &str, role: &str) -> String {
    let body = json!({ "name": name, "role": role, "licensed": true }).to_string();
    let (status, appointed) = admin(server, "POST", "/admins", &body).await;
    assert_eq!(status, 201, "{appointed}");
    appointed["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn s39_other_roles_are_refused_and_the_audit_says_so() {
    let server = Server::start(options()).await.unwrap();
    enrol(&server, "device-1").await;
    let reader = appoint(&server, "rita", "reader").await;
    let helpdesk = appoint(&server, "hugo", "helpdesk").await;
    let (status, error) = ask(&server, &reader, "PATCH", "/tenant", r#"{"authority": "co-management"}"#).await;
    assert_eq!(status, 403);
    assert!(error["error"].as_str().unwrap().contains("role"));
    assert_eq!(ask(&server, &reader, "GET", "/tenant", "").await.1["authority_name"], "Intune");
    assert_eq!(ask(&server, &helpdesk, "POST", "/devices/device-1/recovery", "").await.0, 201);
    assert_eq!(ask(&server, &helpdesk, "DELETE", "/devices/device-1", "").await.0, 403);
    let place = r#"{"authority": "intune"}"#;
    assert_eq!(admin(&server, "PUT", "/devices/device-1/authority", place).await.0, 403);
    let support = appoint(&server, "sam", "support").await;
    assert_eq!(ask(&server, &support, "PUT", "/devices/device-1/authority", place).await.0, 409);

    let (_, audit) = admin(&server, "GET", "/audit?limit=50", "").await;
    let lines = audit.as_array().unwrap();
    assert!(lines.iter().all(|line| !line.to_string().contains(&reader)), "no token is in the audit");
    let refused = lines.iter().find(|line| line["who"] == "rita").unwrap();
    assert_eq!((refused["what"].as_str(), refused["outcome"].as_str()), (Some("PATCH /tenant"), Some("403 Forbidden")));
    assert_eq!(admin(&server, "DELETE", "/admins/rita", "").await.0, 204);
    assert_eq!(ask(&server, &reader, "GET", "/tenant", "").await.0, 401);
    assert_eq!(admin(&server, "POST", "/admins", r#"{"name": "x", "role": "emperor", "licensed": true}"#).await.0, 400);
    server.shutdown().await;
}

#[tokio::test]
async fn the_tenant_is_looked_at_and_changed() {
    let server = Server::start(options()).await.unwrap();
    enrol(&server, "device-1").await;
    let (status, preview) = admin(&server, "GET", "/authority/preview?to=co-management", "").await;
    assert_eq!((status, &preview["users"][USER]), (200, &json!(["device-1"])));
    assert_eq!(admin(&server, "GET", "/authority/preview?to=unknown", "").await.0, 409);
    assert_eq!(admin(&server, "PATCH", "/tenant", r#"{"authority": "office365"}"#).await.0, 409);
    let (status, tenant) = admin(&server, "PATCH", "/tenant", r#"{"authority": "coexistence"}"#).await;
    assert_eq!((status, &tenant["coexistence"], &tenant["authority"]), (200, &json!(true), &json!("coexistence")));

    let (_, user) = admin(&server, "PATCH", &format!("/users/{USER}"), r#"{"licences": ["microsoft365-basic"]}"#).await;
    assert_eq!((&user["authority"], &user["licensed"]), (&json!("office365"), &json!(false)));
    let (_, device) = admin(&server, "GET", "/devices/device-1", "").await;
    assert_eq!((&device["authority"], &device["due_authority"]), (&json!("intune"), &json!("office365")));
    let (status, error) = admin(&server, "POST", "/devices/device-1/unenrol", "").await;
    assert_eq!(status, 409);
    assert!(error["error"].as_str().unwrap().contains("Office 365"));
    let (_, licences) = admin(&server, "GET", "/licences", "").await;
    assert!(licences.as_array().unwrap().iter().any(|count| count["assigned"] == 1));

    assert_eq!(admin(&server, "PUT", "/devices/device-1/compliance", r#"{"compliant": false}"#).await.0, 204);
    let (_, report) = admin(&server, "GET", "/compliance", "").await;
    assert_eq!(report["devices"][0]["directory"]["compliant"], false);
    assert_eq!(admin(&server, "PUT", "/apns", r#"{"days": 365}"#).await.0, 200);
    assert_eq!(admin(&server, "PUT", "/groups/sales", &format!(r#"{{"members": ["{USER}"]}}"#)).await.0, 200);
    assert_eq!(admin(&server, "GET", "/groups", "").await.1[0]["members"][0], USER);
    assert_eq!(admin(&server, "DELETE", "/groups/sales", "").await.0, 204);
    assert_eq!(admin(&server, "PUT", "/devices/device-1/user", r#"{"user": null}"#).await.0, 200);
    let wifi = "<Replace><Item><Target><LocURI>./Vendor/MSFT/WiFi/Profile/A/WlanXml</LocURI></Target></Item></Replace>";
    assert_eq!(admin(&server, "PUT", "/profiles/w?authority=office365", wifi).await.1["authority"], "office365");
    assert_eq!(admin(&server, "PUT", "/profiles/w?authority=nobody", wifi).await.0, 400);
    server.shutdown().await;
}

#[tokio::test]
async fn s48_a_device_leaves_at_its_own_moment_when_the_clock_is_moved() {
    let server = Server::start(options()).await.unwrap();
    enrol(&server, "device-1").await;
    assert_eq!(admin(&server, "PATCH", "/tenant", r#"{"certificate_days": 1}"#).await.0, 200);
    enrol(&server, "device-2").await;
    let leaves = async |device: &str| {
        let (_, device) = admin(&server, "GET", &format!("/devices/{device}"), "").await;
        device["certificate_expires"].as_i64().unwrap() + 180 * 86_400
    };
    let (first, second) = (leaves("device-1").await, leaves("device-2").await);
    assert!(second < first);
    let advance = json!({ "advance": 1000 * 86_400 }).to_string();
    assert_eq!(admin(&server, "POST", "/clock", &advance).await.0, 200);
    let (_, audit) = admin(&server, "GET", "/audit?limit=3", "").await;
    let lines: Vec<_> =
        audit.as_array().unwrap().iter().map(|line| (line["what"].as_str().unwrap(), &line["time"])).collect();
    assert_eq!(lines[0].0, "POST /clock");
    assert_eq!(lines[1..], [("device device-1", &json!(first)), ("device device-2", &json!(second))]);
    assert_eq!(admin(&server, "GET", "/devices", "").await.1, json!([]));
    server.shutdown().await;
}
