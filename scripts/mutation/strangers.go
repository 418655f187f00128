package main

// strangers is what keeps other bytes of strangers from becoming anything but
// what they should be.
func strangers() []protection {
	const (
		foreign   = "entries of others in the store, and files of the models' folder that somebody changed"
		truncated = "pictures whose pixels end early, or lie beyond the end of the file"
		names     = "file names, hosts and URLs of strangers in headers and addresses"
		entities  = "XMP with entities that grow without end, or of other files"
	)
	return []protection{
		{
			row:     foreign,
			without: out("server/queue/record.go", `if err == nil && !r.genuine(entry.Key()) {`, `if false {`),
			tests:   in("./server/queue", "FuzzStored"),
		},
		{
			row:     foreign,
			without: out("models/descriptor.go", `d.Name != name || !d.plausible() {`, `d.Name != name {`),
			tests:   in("./models", "FuzzDescriptor"),
		},
		{
			row:     foreign,
			without: out("engine/tune/cache.go", `best.Side > MaxSide || `, ``),
			tests:   in("./engine/tune", "FuzzLoad"),
		},
		{
			row:     truncated,
			without: out("engine/imagedata/decode/errors.go", `fmt.Errorf("%w: %v", errTruncated, err)`, `fmt.Errorf("%w", err)`),
			tests:   in(decodePackage, "FuzzOpen"),
		},
		{
			row:     names,
			without: out("server/file/handler.go", `escape.Replace(url.PathEscape(name))`, `url.PathEscape(escape.Replace(name))`),
			tests:   in(filePackage, "FuzzDisposition"),
		},
		{
			row:     names,
			without: out("server/address.go", `isHost(given) {`, `given != "" {`),
			tests:   in(serverPackage, "FuzzBase"),
		},
		{
			row:     names,
			without: out("server/address.go", `echo.TrustPrivateNet(false)}`, `echo.TrustPrivateNet(false), echo.TrustIPRange(&net.IPNet{IP: make(net.IP, 4), Mask: make(net.IPMask, 4)})}`),
			tests:   in(serverPackage, "FuzzClientAddress"),
		},
		{
			row:     names,
			without: out("server/trace/request.go", `t.w3c.Extract(r.Context(), propagation.HeaderCarrier(r.Header))`, `r.Context()`),
			tests:   in("./server/trace", "FuzzTraceparent"),
		},
		{
			row:     names,
			without: out("server/fetch/fetch.go", `if u.User != nil {`, `if false {`),
			tests:   in("./server/fetch", "FuzzFetch"),
		},
		{
			row:     entities,
			without: out("engine/imagedata/metadata/xmp.go", "case xml.Directive:\n\t\t\treturn false", "case xml.Directive:"),
			tests:   in("./engine/imagedata/metadata", "TestMalformedXMPIsDropped"),
		},
	}
}
