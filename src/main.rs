//! Hands the command line over, and gives back its exit code.

fn main() -> std::process::ExitCode {
    wxbridge::cli::main()
}
