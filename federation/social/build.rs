//! A new migration file changes the program although no Rust file changed.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations/social");
}
