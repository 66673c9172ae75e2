//! Makes what `proto/` describes, without a protoc: the descriptors that reflection serves, the lean view of
//! CheckRequest, and the messages between a Vault core and its plugin.

use std::path::PathBuf;

use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script its place by the environment")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let described = protox::compile(["proto/external_auth.proto"], ["proto"])?;
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    std::fs::write(out.join("external_auth.binpb"), described.encode_to_vec())?;
    prost_build::Config::new().bytes(["."]).compile_fds(lean(described))?;
    let plugin = protox::compile(["proto/plugin_mount.proto", "proto/plugin_runtime.proto"], ["proto"])?;
    prost_build::Config::new().compile_fds(plugin)?;
    Ok(())
}

/// The same messages on the wire, with texts as bytes and maps as lists of their entries.
fn lean(mut described: FileDescriptorSet) -> FileDescriptorSet {
    for file in &mut described.file {
        // Comments are looked up by place, and the entries of maps have none.
        file.source_code_info = None;
        file.message_type.iter_mut().for_each(lean_message);
    }
    described
}

fn lean_message(message: &mut DescriptorProto) {
    for field in &mut message.field {
        if field.r#type() == Type::String {
            field.set_type(Type::Bytes);
        }
    }
    for nested in &mut message.nested_type {
        if let Some(options) = &mut nested.options {
            options.map_entry = None;
        }
        lean_message(nested);
    }
}
