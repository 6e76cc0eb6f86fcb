//! Content types by file name, for downloads and the page.

/// The content type for a file of that name.
pub(crate) fn of(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "json" | "ipynb" => "application/json",
        "txt" | "log" | "yaml" | "yml" | "py" | "md" | "patch" | "csv" | "jsonl" => {
            "text/plain; charset=utf-8"
        }
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "mp4" => "video/mp4",
        "bmp" => "image/bmp",
        "webm" => "video/webm",
        "ogg" => "audio/ogg",
        "mp3" => "audio/mpeg",
        "flac" => "audio/flac",
        "wav" => "audio/wav",
        _ => "application/octet-stream",
    }
}
