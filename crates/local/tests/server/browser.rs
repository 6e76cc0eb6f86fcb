//! The page in a real browser (Chromium): skipped with a word where there is none, except in CI.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::*;

/// Chromium, if it is installed.
fn chromium() -> Option<PathBuf> {
    #[allow(
        clippy::disallowed_methods,
        reason = "a test looks for a program and for CI"
    )]
    let (path, ci) = (std::env::var_os("PATH")?, std::env::var_os("CI").is_some());
    let found = std::env::split_paths(&path)
        .flat_map(|folder| ["chromium", "chromium-browser"].map(|name| folder.join(name)))
        .find(|candidate| candidate.is_file());
    assert!(found.is_some() || !ci, "CI has Chromium installed");
    found
}

/// The document as it is after the page's scripts have run for some seconds of its own time.
fn dom(browser: PathBuf, address: String) -> String {
    let profile = TempDir::new().unwrap();
    let flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1280,900",
        "--virtual-time-budget=8000",
        "--dump-dom",
    ];
    let output = Command::new(browser)
        .args(flags)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(address)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

async fn visit(local: &Local, path: &str) -> Option<String> {
    let Some(browser) = chromium() else {
        eprintln!("skipped: no Chromium here");
        return None;
    };
    let token = local.page_url.split_once("token=").unwrap().1;
    let (path, part) = path.split_once('#').unwrap_or((path, ""));
    let address = format!("{}{path}?token={token}#{part}", local.url);
    Some(
        tokio::task::spawn_blocking(move || dom(browser, address))
            .await
            .unwrap(),
    )
}

async fn a_run_with_hostile_texts(local: &Local) {
    let config = "{\"note\":{\"value\":\"<img src=x onerror=alert(1)>\"}}";
    local
        .upsert("r", json!({"displayName": "<b>bold</b>", "config": config}))
        .await;
    let rows: Vec<String> = (0..50)
        .map(|step| format!("{{\"_step\":{step},\"train/loss\":0.{step},\"<i>\":{step}}}"))
        .collect();
    local
        .accepted("r", json!({"complete": true, "exitcode": 0, "files": {
            "wandb-history.jsonl": {"offset": 0, "content": rows},
            "wandb-events.jsonl": {"offset": 0, "content": ["{\"_runtime\":1,\"system.cpu\":12.5}"]},
            "output.log": {"offset": 0, "content": ["2026-01-01T00:00:00.000001 <u>hello</u>"]}}}))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_shows_projects_and_runs() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    a_run_with_hostile_texts(&local).await;

    if let Some(page) = visit(&local, "/").await {
        assert!(page.contains("&lt;b&gt;bold&lt;/b&gt;"), "{page}");
        assert!(page.contains("badge finished"), "{page}");
    }
    local.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_run_page_draws_charts_and_never_makes_markup_from_logged_text() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    a_run_with_hostile_texts(&local).await;

    let parts = [
        ("#charts", "title=\"train/loss\""),
        ("#charts", "<output>0.49</output>"),
        ("#system", "<output>12.5</output>"),
        ("#overview", "&lt;img src=x"),
        ("#console", "&lt;u&gt;hello"),
    ];
    for (part, expect) in parts {
        let Some(page) = visit(&local, &format!("/local/p/runs/r{part}")).await else {
            break;
        };
        assert!(page.contains(expect), "{part}: {expect} in {page}");
        for markup in ["<b>bold", "<img src=\"x\"", "<u>hello", "<i>"] {
            assert!(!page.contains(markup), "{part}: {markup}");
        }
    }
    local.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_top_of_a_run_tells_what_it_belongs_to_and_what_happened() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    local.upsert("parent", json!({})).await;
    let mark = json!({"_wandb": {"value": {"branch_point": {"run_id": "parent", "step": 4}}}});
    local
        .upsert("r", json!({"tags": ["tag-one"], "notes": "a note", "groupName": "group-one", "jobType": "job-one", "config": mark.to_string()}))
        .await;
    let alert = "mutation { notifyScriptableRunAlert(input: {entityName: \"local\", projectName: \"p\", runName: \"r\", title: \
                 \"too low\", text: \"<b>why</b>\", severity: ERROR, waitDuration: 60000}) { success } }";
    for _ in 0..3 {
        local.data(alert, json!({})).await;
    }
    let line = json!({"level": "error", "ts": "2026-01-01T00:00:00.000001", "label": "node-7", "content": "oh"});
    local
        .accepted(
            "r",
            json!({"files": {"output.log": {"offset": 0, "content": [line.to_string()]}}}),
        )
        .await;

    if let Some(page) = visit(&local, "/local/p/runs/r#console").await {
        for expect in [
            "tag-one",
            "a note",
            "group-one",
            "job-one",
            "href=\"/local/p/runs/parent\"",
            "alert error",
            "&lt;b&gt;why",
            "3 times",
            "Stop run",
            "class=\"label\">node-7",
            "class=\"error\"",
        ] {
            assert!(page.contains(expect), "{expect} in {page}");
        }
    }
    local.stop().await;
}
