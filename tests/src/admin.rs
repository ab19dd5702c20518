//! The administrator of the simulated tenant: a client of its JSON interface.

use anyhow::{Context as _, bail};
use serde_json::Value;

/// A client of the admin interface.
#[derive(Debug, Clone)]
pub struct Admin {
    base: String,
    token: String,
    client: reqwest::Client,
}

impl Admin {
    /// A client for the interface at `base`, with its bearer token.
    pub fn new(base: &str, token: &str) -> anyhow::Result<Self> {
        // The client insists on a TLS provider even for plain HTTP.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        // The server closes connections that nobody uses; one that it is just closing is not to be taken.
        let idle = std::time::Duration::from_secs(10);
        let client = reqwest::Client::builder().no_proxy().pool_idle_timeout(idle).build()?;
        Ok(Self { base: format!("{base}/api/v1"), token: token.to_owned(), client })
    }

    /// The address below which everything is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// GET of a path below `/api/v1`.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.run(self.client.get(format!("{}{path}", self.base)), path).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.run(self.client.post(format!("{}{path}", self.base)).json(body), path).await
    }

    /// POST of text.
    pub async fn post_text(&self, path: &str, body: &str) -> anyhow::Result<Value> {
        self.run(self.client.post(format!("{}{path}", self.base)).body(body.to_owned()), path).await
    }

    /// PATCH with JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.run(self.client.patch(format!("{}{path}", self.base)).json(body), path).await
    }

    /// PUT of JSON.
    pub async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.run(self.client.put(format!("{}{path}", self.base)).json(body), path).await
    }

    /// DELETE of a path.
    pub async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.run(self.client.delete(format!("{}{path}", self.base)), path).await
    }

    /// Puts a profile in, or another version of it, and assigns it to all.
    pub async fn assign(&self, name: &str, fragment: &str) -> anyhow::Result<()> {
        let path = format!("/profiles/{name}");
        self.run(self.client.put(format!("{}{path}", self.base)).body(fragment.to_owned()), &path).await?;
        self.assignment(name, &serde_json::json!({ "all": true })).await
    }

    /// Puts a profile of one authority in and assigns it to all.
    pub async fn assign_under(&self, authority: &str, name: &str, fragment: &str) -> anyhow::Result<()> {
        let path = format!("/profiles/{name}?authority={authority}");
        self.run(self.client.put(format!("{}{path}", self.base)).body(fragment.to_owned()), &path).await?;
        self.assignment(name, &serde_json::json!({ "all": true })).await
    }

    /// Says who gets a profile.
    pub async fn assignment(&self, name: &str, to: &Value) -> anyhow::Result<()> {
        let path = format!("/profiles/{name}/assignment");
        self.run(self.client.put(format!("{}{path}", self.base)).json(to), &path).await?;
        Ok(())
    }

    async fn run(&self, request: reqwest::RequestBuilder, path: &str) -> anyhow::Result<Value> {
        let response =
            request.bearer_auth(&self.token).send().await.with_context(|| format!("{path} cannot be asked"))?;
        let status = response.status();
        let body = response.text().await?;
        if !status.is_success() {
            bail!("{path} answered {status}: {body}");
        }
        if body.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&body)?) }
    }
}
