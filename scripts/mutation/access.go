package main

const (
	serverPackage = "./server"
	filePackage   = "./server/file"
)

// access is what keeps callers to what is theirs.
func access() []protection {
	return []protection{
		{
			row: "a server opened to the network without keys",
			// Without its check it must not listen to the network here either.
			without: []edit{
				{"server/server.go", `if !guarded && c.Open() && !c.InsecureOpen {`, `if !guarded && c.Open() && c.InsecureOpen {`},
				{"server/server.go", `listener, err := net.Listen("tcp", s.config.Listen)`, `listener, err := net.Listen("tcp", "127.0.0.1:0:it would listen")`},
			},
			tests: in(programPackage, "TestRefusesToBeOpenWithoutKeys"),
		},
		{
			row:     "a server opened to the network without keys",
			without: out("server/config.go", `return err != nil || !address.IsLoopback()`, `return err != nil && !address.IsLoopback()`),
			tests:   in(serverPackage, "TestOpen"),
		},
		{
			row: "wrong, missing or disabled keys",
			without: out("server/account/accounts.go",
				`if subtle.ConstantTimeCompare([]byte(hashKey(key)), []byte(a.Hash)) != 1 {`, `if subtle.ConstantTimeCompare([]byte(a.Hash), []byte(a.Hash)) != 1 {`),
			tests: in(accountPackage, "TestAuthentication"),
		},
		{
			row:     "wrong, missing or disabled keys",
			without: out("server/account/accounts.go", `if a.Disabled {`, `if false {`),
			tests:   in(accountPackage, "TestAuthentication"),
		},
		{
			row:     "wrong, missing or disabled keys",
			without: out("server/account/accounts.go", `if err != nil || !enabled {`, `if err != nil || enabled {`),
			tests:   in(serverPackage, "TestMnmlErrors", "TestAILabErrors", "TestMaskrErrors", "TestArtnexErrors", "TestAetherforgeErrors"),
		},
		{
			row:     "forged or expired result links",
			without: out("server/file/signer.go", `genuine = hmac.Equal(given, want) || genuine`, `genuine = len(want) > 0 || len(given) > 0 || hmac.Equal(given, want)`),
			tests:   in(filePackage, "TestForgeriesAreRefused"),
		},
		{
			row:     "forged or expired result links",
			without: out("server/file/signer.go", `err == nil && s.Now().Unix() < until`, `err == nil && until > 0`),
			tests:   in(filePackage, "TestSignaturesExpireAndRotate"),
		},
		{
			row:     "made-up texts in signed links",
			without: out("server/file/signer.go", `genuine = hmac.Equal(given, want) || genuine`, `genuine = len(want) > 0 || len(given) > 0 || hmac.Equal(given, want)`),
			tests:   in(filePackage, "FuzzValid"),
		},
		{
			row:     "another key's job",
			without: out("server/dialect/host.go", `j.Account != caller.ID`, `j.Account != caller.ID && false`),
			tests:   in("./server/dialect", "TestOwned"),
		},
		{
			row: "pages of other origins that call the APIs",
			without: []edit{
				{"server/tls.go", `AllowOrigins: origins,`, `AllowOrigins: append([]string{"*"}, origins...),`},
				{"server/routes.go", `if len(s.config.CORSOrigins) > 0 {`, `{`},
			},
			tests: in(serverPackage, "TestCrossOrigin"),
		},
		{
			row:     "certificates for names that are not yours",
			without: out("server/tls.go", `HostPolicy: autocert.HostWhitelist(t.Hosts...), `, ``),
			tests:   in(serverPackage, "TestACMEKnowsItsHosts"),
		},
	}
}
