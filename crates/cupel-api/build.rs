//! Compresses the files of Swagger UI, which are in the archive of the crate `utoipa-swagger-ui-vendored`. `src/swagger` embeds those that its
//! page loads.

use std::error::Error;
use std::io::{self, Cursor};
use std::path::PathBuf;
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("Cargo sets OUT_DIR")?);
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        let path = file.name()?.into_owned();
        // swagger-ui-VERSION/dist/NAME
        let [_, "dist", name] = path.split('/').collect::<Vec<_>>()[..] else { continue };
        if name.is_empty() {
            continue;
        }
        let mut encoder = GzEncoder::new(fs::File::create(out.join(format!("{name}.gz")))?, Compression::best());
        io::copy(&mut file, &mut encoder)?;
        encoder.finish()?;
    }
    Ok(())
}
