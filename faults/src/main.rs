//! `waybill-faults`: the proxies of a local stack, and the API that breaks them.
//!
//! `make up` starts it with the file of its settings.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use faults::control::Control;
use faults::settings::Settings;
use faults::{api, listen};

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(path), None) = (arguments.next(), arguments.next()) else {
        eprintln!("error: usage: waybill-faults SETTINGS.json; `make up` writes the file.");
        return ExitCode::FAILURE;
    };
    let error = match run(Path::new(&path)).await {
        Ok(never) => match never {},
        Err(error) => error,
    };
    eprintln!("error: {}: {error}.", path.display());
    ExitCode::FAILURE
}

/// Serves until the process is killed.
async fn run(path: &Path) -> io::Result<std::convert::Infallible> {
    let settings = Settings::read(path)?;
    let control = Control::start(&settings).await?;
    let _server = api::serve(&control, listen::on(settings.control_port).await?)?;
    std::future::pending().await
}
