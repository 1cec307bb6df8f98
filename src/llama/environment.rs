//! What a model server may see of our environment.

use std::ffi::OsString;

use crate::sandbox::Environment;

/// Variables by which drivers and compute libraries are told what to use. The server's own
/// `LLAMA_ARG_…` are not among them: what it is told is what `Options` say, and nothing else.
const PREFIXES: &[&str] = &["CUDA_", "GGML_", "GPU_", "HIP_", "HSA_", "NVIDIA_", "ROCR_", "VK_"];

/// What any child may see, and what the server needs to find its devices.
pub(crate) fn environment(ours: &[(OsString, OsString)]) -> Environment {
    let mut environment = Environment::allowed(ours);
    for (name, value) in ours.iter().filter_map(|(name, value)| Some((name.to_str()?, value))) {
        if PREFIXES.iter().any(|it| name.starts_with(it)) {
            environment = environment.with(name, value);
        }
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_can_be_chosen_and_flags_cannot() {
        let ours = ["PATH", "CUDA_VISIBLE_DEVICES", "LLAMA_ARG_TOOLS", "LLAMA_API_KEY", "HF_TOKEN"]
            .map(|it| (OsString::from(it), OsString::from("0")));
        let environment = environment(&ours);
        let seen = ours.iter().filter_map(|(name, _)| name.to_str());
        let seen = seen.filter(|it| environment.get(it).is_some());
        assert_eq!(seen.collect::<Vec<_>>(), ["PATH", "CUDA_VISIBLE_DEVICES"]);
    }
}
