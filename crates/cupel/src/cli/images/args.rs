//! Arguments of `cupel images`.

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::shared_args::Settings;

/// Add, list and remove the container images that languages use.
///
/// An image is unpacked once and needs no container engine. A language file names it: image = "course/python:2026".
/// Languages with executor = "docker" do not use these images, but those of Docker Engine.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Sources of an image:
  PATH                        an OCI layout (directory or tar), or an archive of `docker save`, also compressed
  oci:PATH:NAME               one of several images in such a file; or oci:PATH@sha256:DIGEST
  docker-daemon:NAME:TAG      an image of a running Docker Engine (DOCKER_HOST, or /var/run/docker.sock)
  docker://HOST/NAME:TAG      a registry; with @sha256:DIGEST, the image must have this digest

Examples:
  docker save course/python:2026 | gzip > image.tar.gz
  cupel images add course/python:2026 image.tar.gz
  cupel images add python:3.13 docker://docker.io/library/python:3.13-slim
  cupel images
  cupel images verify course/python:2026"
)]
pub(crate) struct Images {
    #[command(subcommand)]
    pub(crate) command: Option<ImagesCommand>,
    /// Print one JSON object.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImagesCommand {
    /// Add an image under a name. An image that has the name already loses it.
    Add {
        /// The name, such as `course/python:2026`.
        name: String,
        /// Source of the image: a PATH, docker-daemon:NAME:TAG or docker://HOST/NAME:TAG; `cupel images --help`
        /// describes them.
        source: String,
        /// File with credentials for registries, in the format of Docker's config.json.
        #[arg(long, value_name = "FILE")]
        credentials: Option<PathBuf>,
    },
    /// List the images.
    List,
    /// Show an image: its digest, layers, environment and user.
    Inspect {
        /// Name of the image.
        name: String,
    },
    /// Read all files of an image, and report files that have changed since the image was unpacked.
    Verify {
        /// Name of the image.
        name: String,
    },
    /// Remove an image, and the layers that no other image has.
    Remove {
        /// Name of the image.
        name: String,
    },
    /// Remove what no image needs.
    Prune,
}
