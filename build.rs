//! Compiles the message schema: prost types and their canonical JSON, without a system protoc.

use std::{env, path::PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = "proto/wxbridge/v1/wxbridge.proto";
    println!("cargo:rerun-if-changed={file}");

    let descriptors = protox::compile([file], ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;

    prost_build::Config::new()
        // Ordered maps: equal Events have equal bytes.
        .btree_map(["."])
        .compile_well_known_types()
        // pbjson writes times with "+00:00"; canonical JSON wants "Z".
        .extern_path(".google.protobuf.Timestamp", "crate::schema::Timestamp")
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds(descriptors.clone())?;

    pbjson_build::Builder::new()
        .register_descriptors(&descriptors.encode_to_vec())?
        .btree_map(["."])
        // Strictness is chosen per call, by watching what the decoder ignores.
        .ignore_unknown_fields()
        .build(&[".wxbridge.v1"])?;
    Ok(())
}
