//! Runs the embedded server by itself: `cargo run -p wandbd-local --example serve -- DATA_DIR [PORT]`.

use wandbd_local::{Config, LocalServer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let data_dir = arguments.next().ok_or("usage: serve DATA_DIR [PORT]")?;
    let mut config = Config::new(data_dir);
    if let Some(port) = arguments.next() {
        config.listen.set_port(port.parse()?);
    }
    let server = LocalServer::bind(config).await?;
    let stop = tokio_util::sync::CancellationToken::new();
    report(&server);
    let on_signal = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            on_signal.cancel();
        }
    });
    server.serve(stop).await?;
    Ok(())
}

#[allow(
    clippy::print_stdout,
    reason = "an example talks to the person at the terminal"
)]
fn report(server: &LocalServer) {
    println!("WANDB_BASE_URL={}", server.url());
    println!("WANDB_API_KEY={}", server.api_key().reveal());
    println!("PAGE={}", server.page_url());
}
