//go:build !unix

package serving

// drainOnSignal does nothing: there are no such signals.
func drainOnSignal(func(on bool)) (stop func()) { return func() {} }
