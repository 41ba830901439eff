//! Our own plugins, where `cargo xtask plugins` has built them: each installs, describes itself, and lives
//! within its limits.

use std::path::PathBuf;

use plugins::harness::{Setting, Trial};
use plugins::{Installation, Source};
use spine::{Cause, Clock};

use crate::stage::Stage;

/// The built components: in the folder that `SOVEREIGN_TEST_PLUGINS` names, or where xtask puts them.
fn built() -> Vec<PathBuf> {
    // Seen from this crate's folder, in which its tests run.
    let usual = "../../target/plugins";
    let folder =
        std::env::var_os("SOVEREIGN_TEST_PLUGINS").map_or_else(|| usual.into(), PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("no plugins in {}: build them with `cargo xtask plugins`", folder.display());
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "wasm"));
    files.sort();
    files
}

#[tokio::test]
async fn our_own_plugins_install_and_describe_themselves() {
    let stage = Stage::start().await;
    for file in built() {
        let wasm = std::fs::read(&file).unwrap();
        let trial = Trial::new(wasm.clone(), Setting::default(), Clock::system()).await;
        let trial = trial.unwrap_or_else(|error| panic!("{}: {error:?}", file.display()));
        let manifest = trial.manifest();
        eprintln!("{} {}: {:?}", manifest.id, manifest.version, trial.description().kinds);
        let installed = stage.plugins.install(&Cause::system(), Source::bytes(wasm)).await;
        let (id, done) = installed.unwrap_or_else(|error| panic!("{}: {error:?}", file.display()));
        assert_eq!((id.as_str(), done), (manifest.id.as_str(), Installation::Done));
        let view = stage.view(&id).await;
        assert_eq!(view["state"], "installed");
    }
}
