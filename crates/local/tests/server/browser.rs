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

/// A picture of one pixel, a histogram, a page, a chart's table, and an artifact with a table, all with hostile texts.
async fn a_run_with_media(local: &Local) {
    let chart = json!({"panel_type": "Vega2", "panel_config": {"panelDefId": "wandb/bar/v0",
        "fieldSettings": {"label": "l", "value": "v"}, "stringSettings": {"title": "<u>title"}}});
    let config = json!({"_wandb": {"value": {"visualize": {"bars": chart}}}});
    let table =
        json!({"_type": "table-file", "path": "media/table/bars.table.json", "sha256": "0"});
    let summary = json!({"bars_table": table}).to_string();
    let more = json!({"config": config.to_string(), "summaryMetrics": summary});
    local.upsert("r", more).await;
    for (name, text) in [
        ("media/images/a b.png", "not really"),
        ("media/html/a.html", "<b>page</b>"),
        (
            "media/table/bars.table.json",
            "{\"columns\":[\"l\",\"v\"],\"data\":[[\"<s>x\",3],[\"y\",NaN]]}",
        ),
    ] {
        let url = local.upload_url("r", name).await;
        assert_eq!(local.put(&url, text).await, StatusCode::OK);
    }
    let picture =
        json!({"_type": "image-file", "path": "media/images/a b.png", "caption": "<i>caption"});
    let counts = json!({"_type": "histogram", "values": [1, 7], "bins": [0.0, 1.0, 2.0]});
    let page = json!({"_type": "html-file", "path": "media/html/a.html"});
    let row =
        json!({"_step": 3, "img": picture, "hist": counts, "page": page, "bars_table": table});
    local
        .accepted(
            "r",
            history(0, &["{\"_step\":2,\"loss\":1}", &row.to_string()]),
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn media_are_shown_by_step_and_charts_from_their_tables() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    a_run_with_media(&local).await;

    if let Some(page) = visit(&local, "/local/p/runs/r#media").await {
        for expect in [
            "src=\"/api/runs/local/p/r/raw/media/images/a%20b.png\"",
            "&lt;i&gt;caption",
            "step 3",
            "1 to 2: 7",
            "<iframe sandbox=\"allow-scripts\"",
            "raw/media/html/a.html?show=frame",
            "&lt;u&gt;title",
            "&lt;s&gt;x",
        ] {
            assert!(page.contains(expect), "{expect} in {page}");
        }
        for markup in ["<i>caption", "<u>title", "<s>x", "<b>page"] {
            assert!(!page.contains(markup), "{markup}");
        }
    }
    local.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_is_shown_with_files_metadata_lineage_and_tables() {
    let data = TempDir::new().unwrap();
    let local = Local::start(&data).await;
    for run in ["maker", "user"] {
        local
            .upsert(run, json!({"displayName": format!("<em>{run}")}))
            .await;
    }
    let table = "{\"columns\":[\"c\"],\"data\":[[1],[2]],\"_type\":\"table\"}";
    let artifact = local
        .logged("maker", &[("t.table.json", table), ("<i>.txt", "x")])
        .await;
    let query = "mutation U($a: ID!) { useArtifact(input: {artifactID: $a, entityName: \"local\", projectName: \"p\", \
                 runName: \"user\"}) { artifact { id } } }";
    local.data(query, json!({"a": artifact["id"]})).await;

    let parts = [
        (
            "/local/p/artifacts",
            "href=\"/local/p/artifacts/dataset/data\"",
        ),
        ("/local/p/artifacts/dataset/data", "2 rows"),
        ("/local/p/artifacts/dataset/data/v0", "&lt;i&gt;.txt"),
        (
            "/local/p/artifacts/dataset/data/v0#lineage",
            "&lt;em&gt;user",
        ),
        (
            "/local/p/artifacts/dataset/data/v0#versions",
            "&lt;em&gt;maker",
        ),
        ("/local/p/runs/user#artifacts", "used by this run"),
    ];
    for (path, expect) in parts {
        let Some(page) = visit(&local, path).await else {
            break;
        };
        assert!(page.contains(expect), "{path}: {expect} in {page}");
        for markup in ["<em>maker", "<em>user", "<i>.txt"] {
            assert!(!page.contains(markup), "{path}: {markup}");
        }
    }
    local.stop().await;
}
