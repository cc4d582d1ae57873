//! Compiles the message schema: prost types, their canonical JSON and the calls of its services, without a system protoc.

use std::{env, path::PathBuf};

use prost::Message as _;
use prost_build::{Service, ServiceGenerator};

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
        // … and whole numbers of a list with ".0", its fields in no order.
        .extern_path(".google.protobuf.ListValue", "crate::schema::ListValue")
        .extern_path(".google.protobuf", "::pbjson_types")
        // A decoder can say which message it reads.
        .enable_type_names()
        .service_generator(Box::new(Calls::new()))
        .compile_fds(descriptors.clone())?;

    pbjson_build::Builder::new()
        .register_descriptors(&descriptors.encode_to_vec())?
        .btree_map(["."])
        // Strictness is chosen per call, by watching what the decoder ignores.
        .ignore_unknown_fields()
        .build(&[".wxbridge.v1"])?;
    Ok(())
}

/// Both sides of each service. The bridge refuses fields that it does not know in what it is asked, and nowhere else.
struct Calls {
    strict_server: Box<dyn ServiceGenerator>,
    server: Box<dyn ServiceGenerator>,
    client: Box<dyn ServiceGenerator>,
}

impl Calls {
    fn new() -> Self {
        let plain = || tonic_prost_build::configure().build_transport(false);
        Self {
            strict_server: plain()
                .build_client(false)
                .codec_path("crate::schema::strict::Strict")
                .service_generator(),
            server: plain().build_client(false).service_generator(),
            client: plain().build_server(false).service_generator(),
        }
    }
}

impl ServiceGenerator for Calls {
    fn generate(&mut self, service: Service, buf: &mut String) {
        let asked_of_us = service.proto_name == "Bridge";
        let server = if asked_of_us {
            &mut self.strict_server
        } else {
            &mut self.server
        };
        server.generate(service.clone(), buf);
        self.client.generate(service, buf);
    }

    fn finalize(&mut self, buf: &mut String) {
        for each in [&mut self.strict_server, &mut self.server, &mut self.client] {
            each.finalize(buf);
        }
    }
}
