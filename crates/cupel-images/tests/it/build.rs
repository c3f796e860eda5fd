//! Builds images: layers as tar archives, and OCI layouts from these layers.

use std::io::Write;
use std::path::{Path, PathBuf};

use cupel_images::{AddedImage, ImageError, ImageStore, RegistryOptions, Source};
use cupel_types::ImageName;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

pub(crate) fn digest(bytes: &[u8]) -> String {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    format!("sha256:{}", hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// A layer that is being built.
#[derive(Default)]
pub(crate) struct Layer(Vec<u8>);

impl Layer {
    pub(crate) fn new() -> Layer {
        Layer::default()
    }

    /// An entry whose name and link target are written without checks.
    pub(crate) fn entry(mut self, kind: EntryType, name: &[u8], link: &[u8], mode: u32, data: &[u8]) -> Layer {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link);
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_mtime(1_000_000_000);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(data.len() as u64);
        if matches!(kind, EntryType::Char | EntryType::Block) {
            header.set_device_major(1).unwrap();
            header.set_device_minor(3).unwrap();
        }
        header.set_cksum();
        self.0.extend(header.as_bytes());
        self.0.extend(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Layer {
        self.entry(EntryType::Regular, name.as_bytes(), b"", 0o644, text.as_bytes())
    }

    pub(crate) fn directory(self, name: &str) -> Layer {
        self.entry(EntryType::Directory, name.as_bytes(), b"", 0o755, b"")
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Layer {
        self.entry(EntryType::Symlink, name.as_bytes(), target.as_bytes(), 0o777, b"")
    }

    pub(crate) fn hard_link(self, name: &str, target: &str) -> Layer {
        self.entry(EntryType::Link, name.as_bytes(), target.as_bytes(), 0o644, b"")
    }

    /// Extended attributes of the next entry.
    pub(crate) fn pax(self, values: &[(&str, &str)]) -> Layer {
        let mut text = String::new();
        for (key, value) in values {
            let rest = format!(" {key}={value}\n");
            let mut length = rest.len();
            while length != rest.len() + length.to_string().len() {
                length = rest.len() + length.to_string().len();
            }
            text.push_str(&format!("{length}{rest}"));
        }
        self.entry(EntryType::XHeader, b"pax", b"", 0o644, text.as_bytes())
    }

    pub(crate) fn tar(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}

/// How a layer is stored.
#[derive(Clone, Copy)]
pub(crate) enum Stored {
    Plain,
    Gzip,
    Zstd,
}

/// An OCI layout that is being built.
pub(crate) struct Layout {
    pub(crate) path: PathBuf,
    pub(crate) config: Value,
    pub(crate) descriptors: Vec<Value>,
}

impl Layout {
    pub(crate) fn new(path: PathBuf) -> Layout {
        std::fs::create_dir_all(path.join("blobs/sha256")).unwrap();
        std::fs::write(path.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": { "type": "layers", "diff_ids": [] },
        });
        Layout { path, config, descriptors: Vec::new() }
    }

    pub(crate) fn blob(&self, bytes: &[u8]) -> String {
        let digest = digest(bytes);
        std::fs::write(self.path.join("blobs/sha256").join(&digest[7..]), bytes).unwrap();
        digest
    }

    pub(crate) fn layer(self, layer: Layer) -> Layout {
        self.stored(layer.tar(), Stored::Plain)
    }

    pub(crate) fn stored(mut self, tar: Vec<u8>, how: Stored) -> Layout {
        let (bytes, media_type) = match how {
            Stored::Plain => (tar.clone(), "application/vnd.oci.image.layer.v1.tar"),
            Stored::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&tar).unwrap();
                (encoder.finish().unwrap(), "application/vnd.oci.image.layer.v1.tar+gzip")
            }
            Stored::Zstd => (zstd::encode_all(&tar[..], 1).unwrap(), "application/vnd.oci.image.layer.v1.tar+zstd"),
        };
        let blob = self.blob(&bytes);
        self.config["rootfs"]["diff_ids"].as_array_mut().unwrap().push(json!(digest(&tar)));
        self.descriptors.push(json!({ "mediaType": media_type, "digest": blob, "size": bytes.len() }));
        self
    }

    /// The runtime configuration: `Env`, `WorkingDir`, `User`.
    pub(crate) fn with(mut self, config: Value) -> Layout {
        self.config["config"] = config;
        self
    }

    /// Writes the configuration and the manifest, and returns the descriptor of the manifest.
    pub(crate) fn manifest(&self) -> Value {
        let config = serde_json::to_vec(&self.config).unwrap();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": self.blob(&config), "size": config.len(),
            },
            "layers": self.descriptors,
        });
        let manifest = serde_json::to_vec(&manifest).unwrap();
        json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": self.blob(&manifest), "size": manifest.len(),
        })
    }

    pub(crate) fn write(self) -> PathBuf {
        let manifest = self.manifest();
        self.index(&[manifest])
    }

    pub(crate) fn index(self, manifests: &[Value]) -> PathBuf {
        let index = json!({ "schemaVersion": 2, "manifests": manifests });
        std::fs::write(self.path.join("index.json"), serde_json::to_vec(&index).unwrap()).unwrap();
        self.path
    }
}

/// A store, and a directory for the images that are added to it.
pub(crate) struct Fixture {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) store: ImageStore,
}

impl Fixture {
    pub(crate) fn new() -> Fixture {
        // A server has this umask. Programs must nevertheless be able to read the images.
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        let directory = tempfile::tempdir().unwrap();
        let store = ImageStore::new(directory.path().join("store"), 1 << 30);
        Fixture { directory, store }
    }

    pub(crate) fn layout(&self, name: &str) -> Layout {
        Layout::new(self.directory.path().join(name))
    }

    pub(crate) fn add(&self, name: &str, source: &Path) -> Result<AddedImage, ImageError> {
        self.add_from(name, source.to_str().unwrap())
    }

    /// Checks that the store has no layer, root or name.
    pub(crate) fn assert_empty(&self) {
        for directory in ["layers", "roots", "incoming"] {
            let path = self.directory.path().join("store").join(directory);
            assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0, "{directory}");
        }
        assert!(self.store.list().unwrap().is_empty());
    }

    pub(crate) fn add_from(&self, name: &str, source: &str) -> Result<AddedImage, ImageError> {
        let source: Source = source.parse()?;
        self.store.add(&image_name(name), &source, &RegistryOptions::default())
    }

    pub(crate) fn root(&self, added: &AddedImage) -> PathBuf {
        self.store.roots().join(added.image.id.to_string())
    }
}

pub(crate) fn image_name(name: &str) -> ImageName {
    name.parse().unwrap()
}

/// Every path below a directory, in order, with a slash after directories and an arrow before the target of links.
pub(crate) fn listing(root: &Path) -> Vec<String> {
    fn walk(root: &Path, at: &Path, all: &mut Vec<String>) {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
            if kind.is_symlink() {
                all.push(format!("{name} -> {}", std::fs::read_link(&path).unwrap().display()));
            } else if kind.is_dir() {
                all.push(format!("{name}/"));
                walk(root, &path, all);
            } else {
                all.push(name);
            }
        }
    }
    let mut all = Vec::new();
    walk(root, root, &mut all);
    all.retain(|name| !name.starts_with("etc"));
    all.sort();
    all
}
