// Package models manages every model and library that this program uses: where
// it is downloaded from, how it is verified and where it is stored. Downloads and
// imports are converted to one format that loads fast.
//
// The store is one folder:
//
//	models/<name>/model.json                  what the model is; written last
//	models/<name>/weights-<hash>.safetensors  float32 weights of a recognized architecture
//	models/<name>/model-<hash>.onnx           an imported ONNX file, or a face model as published
//	lib/<version>/                            ONNX Runtime as published
//	staging/                                  unfinished downloads
//
// Files appear complete, by rename, and model.json names the current one, so that
// a crash, a cancellation or concurrent processes leave a valid store.
package models
