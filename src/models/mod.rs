//! Weights: names, files, and a model that plays a script.
