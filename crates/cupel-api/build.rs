//! Compresses the files of Swagger UI that `src/swagger` embeds. They come from the archive in the crate
//! `utoipa-swagger-ui-vendored`.

use std::error::Error;
use std::io::{self, Cursor};
use std::path::PathBuf;
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// The files that the page loads, except its own.
const USED: [&str; 3] = ["favicon-32x32.png", "swagger-ui-bundle.js", "swagger-ui.css"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("Cargo sets OUT_DIR")?);
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        let path = file.name()?.into_owned();
        // swagger-ui-VERSION/dist/NAME
        let [_, "dist", name] = path.split('/').collect::<Vec<_>>()[..] else { continue };
        if !USED.contains(&name) {
            continue;
        }
        let mut encoder = GzEncoder::new(fs::File::create(out.join(format!("{name}.gz")))?, Compression::best());
        io::copy(&mut file, &mut encoder)?;
        encoder.finish()?;
    }
    Ok(())
}
