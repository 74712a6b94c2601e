//! Connects to the backends of the catalog with what its secrets hold, and says whether they take it.

use std::{env, process::ExitCode};

use anyhow::{Context as _, Result};
use catalog_secrets::{ExposeSecret as _, Secrets};
use reqwest::{Client, RequestBuilder, StatusCode};

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let secrets = Secrets::open().await?;
    let backend = env::var("BACKEND_URL").context("BACKEND_URL is not set")?;
    let client = Client::new();
    let mut code = ExitCode::SUCCESS;

    let mysql = secrets.mysql_catalog().await;
    let request = client.get(format!("{backend}/mysql"));
    let request = request.basic_auth(mysql.username.expose_secret(), Some(mysql.password.expose_secret()));
    if !is_connected("mysql", request).await? {
        code = ExitCode::FAILURE;
    }

    let token = secrets.elasticsearch_catalog().await;
    let request = client.get(format!("{backend}/elasticsearch")).bearer_auth(token.expose_secret());
    if !is_connected("elasticsearch", request).await? {
        code = ExitCode::FAILURE;
    }

    Ok(code)
}

async fn is_connected(datasource: &str, request: RequestBuilder) -> Result<bool> {
    let answer = request.send().await.with_context(|| format!("catalog: {datasource} did not answer"))?;
    let is_connected = answer.status() == StatusCode::OK;
    if is_connected {
        println!("catalog: connected to {datasource}");
    } else {
        eprintln!("catalog: {datasource} refused");
    }
    Ok(is_connected)
}
