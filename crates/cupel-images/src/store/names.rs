//! The names of the images: the index, which is read and replaced as a whole.

use std::io::{self, BufWriter, Read as _, Write as _};

use cupel_types::ImageName;

use super::files::open_file;
use super::{INDEX, ImageStore};
use crate::beneath::Beneath;
use crate::error::ImageError;
use crate::index::{Image, ImageRow, IndexFile, VERSION};

impl ImageStore {
    /// The images, sorted by name.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn list(&self) -> Result<Vec<Image>, ImageError> {
        let path = self.index();
        let read = || -> io::Result<Vec<u8>> {
            let mut text = Vec::new();
            open_file(&Beneath::open(&self.directory)?.into(), INDEX)?.read_to_end(&mut text)?;
            Ok(text)
        };
        let text = match read() {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ImageError::io("read", &path)(error)),
        };
        let damaged = |what: String| ImageError::io("read", &path)(io::Error::new(io::ErrorKind::InvalidData, what));
        let file: IndexFile = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if file.version != VERSION {
            return Err(damaged(format!("it has version {}, and this Cupel reads version {VERSION}", file.version)));
        }
        let images = file.images.into_iter().map(ImageRow::image).collect::<Option<Vec<_>>>();
        let mut images = images.ok_or_else(|| damaged("a name or a hash in it is damaged".to_owned()))?;
        images.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(images)
    }

    /// The image with this name.
    ///
    /// # Errors
    /// No image has this name, or the index cannot be read.
    pub fn get(&self, name: &ImageName) -> Result<Image, ImageError> {
        let found = self.list()?.into_iter().find(|image| image.name == *name);
        found.ok_or_else(|| ImageError::Unknown(name.clone()))
    }

    /// Replaces the index as a whole.
    pub(super) fn change_index<T>(&self, change: impl FnOnce(&mut Vec<Image>) -> T) -> Result<T, ImageError> {
        let _lock = self.lock("index")?;
        let mut images = self.list()?;
        let result = change(&mut images);
        let file = IndexFile { version: VERSION, images: images.iter().map(ImageRow::of).collect() };
        let path = self.index();
        let failed = |error: io::Error| ImageError::io("write", &path)(error);
        let store = Beneath::open(&self.directory).map_err(failed)?;
        let mut new = self.new_file(store.into()).map_err(failed)?;
        let mut writer = BufWriter::new(&mut new.file);
        serde_json::to_writer_pretty(&mut writer, &file).map_err(|error| failed(error.into()))?;
        writer.flush().map_err(failed)?;
        drop(writer);
        new.file.sync_all().map_err(failed)?;
        new.persist(INDEX).map_err(failed)?;
        Ok(result)
    }
}
