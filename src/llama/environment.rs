//! What a model server may see of our environment.

use std::ffi::OsString;

use crate::sandbox::Environment;

/// Variables by which drivers and compute libraries are told what to use. The server's own
/// `LLAMA_ARG_…` are not among them: what it is told is what `Options` say, and nothing else.
const NAMES: &[&str] = &[
    "GPU_DEVICE_ORDINAL",
    "GPU_MAX_ALLOC_PERCENT",
    "GPU_MAX_HEAP_SIZE",
    "GPU_MAX_HW_QUEUES",
    "GPU_SINGLE_ALLOC_PERCENT",
    "HIP_PATH",
    "HIP_VISIBLE_DEVICES",
    "NVIDIA_DRIVER_CAPABILITIES",
    "NVIDIA_TF32_OVERRIDE",
    "NVIDIA_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
];

/// Of these there are many, and they mean nothing else.
const PREFIXES: &[&str] = &["CUDA_", "GGML_", "HSA_", "VK_"];

/// How the name of what nobody else shall know ends.
const SECRETS: &[&str] = &["KEY", "TOKEN", "SECRET", "PASSWORD"];

/// What any child may see, and what the server needs to find its devices.
pub(crate) fn environment(ours: &[(OsString, OsString)]) -> Environment {
    let mut environment = Environment::allowed(ours);
    for (name, value) in ours.iter().filter_map(|(name, value)| Some((name.to_str()?, value))) {
        let is_known = NAMES.contains(&name) || PREFIXES.iter().any(|it| name.starts_with(it));
        if is_known && !SECRETS.iter().any(|it| name.ends_with(it)) {
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
        check(
            &["PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "LLAMA_ARG_TOOLS"],
            &["PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"],
        );
    }

    #[test]
    fn secrets_stay_here() {
        check(&["LLAMA_API_KEY", "HF_TOKEN", "NVIDIA_API_KEY", "GPU_CLOUD_TOKEN"], &[]);
        check(&["CUDA_REGISTRY_PASSWORD", "GGML_SECRET"], &[]);
    }

    #[track_caller]
    fn check(names: &[&str], expected: &[&str]) {
        let ours: Vec<_> =
            names.iter().map(|it| (OsString::from(it), OsString::from("0"))).collect();
        let environment = environment(&ours);
        let seen = ours.iter().filter_map(|(name, _)| name.to_str());
        let seen = seen.filter(|it| environment.get(it).is_some());
        assert_eq!(seen.collect::<Vec<_>>(), expected);
    }
}
