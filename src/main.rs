//! Hands the command line over, and gives back its exit code.

/// Every event crosses threads on its way from the socket to the disk and back; an allocator that expects that costs less.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    wxbridge::cli::main()
}
