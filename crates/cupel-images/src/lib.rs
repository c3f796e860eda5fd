//! Container images as root directories for programs, without a daemon.
//!
//! ```text
//!  OCI layout, archive,        plan: manifest, configuration      layers/DIFF_ID/   one directory per layer,
//!  registry, Docker Engine ──► and layers, by digest         ──►    tree/           unpacked and verified once
//!                                                                     │ hard links
//!                                 index.json: names ──────────►  roots/IMAGE_ID/    what a program sees as /
//!                                                                roots/IMAGE_ID.layers
//! ```
//!
//! * A **layer** is identified by the SHA-256 of its uncompressed archive (`diff_id`). The store has it once, no matter
//!   how many images contain it.
//! * A **root** combines all layers of an image. It has its own directories, and hard links to the files of the layers.
//!   So a root needs no overlay mount. It works for an ordinary user on every file system with hard links, and path
//!   lookups are as fast as in the host's own directories. As long as the root exists, so do its layers, because
//!   removing them would free no space.
//! * An **image id** is the SHA-256 of the image's configuration, which contains the digests of all layers. Docker
//!   shows the same id, unless it uses the image store of containerd.
//! * The **index** maps names to images. It is replaced as a whole, under a lock that all processes that use the
//!   directory respect.
//!
//! Images are untrusted. The file system of a root contains only directories, regular files and symbolic links, owned
//! by the user of this process, without set-user-id bits. The kernel resolves every path of a layer as if the layer's
//! directory were the root of the file system (openat2(2), `RESOLVE_IN_ROOT`).
//!
//! *Architecture invariant:* this crate runs no program of an image. *Architecture invariant:* a refused image leaves
//! nothing behind. *Architecture invariant:* entries below `layers/` and `roots/` are complete, and never change until
//! they are removed. All incomplete files are below `incoming/`.
//!
//! Sources: OCI Image Specification 1.1 (layout, manifest, configuration, layer), Docker Image Specification 1.2 (the
//! archives of `docker save`).
#![forbid(unsafe_code)]

mod beneath;
mod bounds;
mod compression;
mod contents;
mod error;
mod hashing;
mod index;
mod layer;
mod metered;
pub mod pattern;
mod plan;
mod root;
mod source;
mod store;

pub use bounds::ImageBounds;
pub use error::ImageError;
pub use index::{Image, ImageConfig};
pub use root::is_program;
pub use source::{OpenedSource, RegistryOptions, Source, SourceError};
pub use store::{AddedImage, ImageStore, Pruned, RootInUse};
