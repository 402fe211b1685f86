//! Builds the command line anew when what it carries along changes: the charts and the examples.

fn main() {
    for folder in ["../charts", "../examples"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
