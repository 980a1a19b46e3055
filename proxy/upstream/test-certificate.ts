// A key and a self-signed certificate for origins of tests, valid for `origin.test` and 127.0.0.1 until 2126. They
// protect nothing and are trusted by nobody but the tests that name them.

export const testKey = `
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgsPf6te0VM17mpqhD
CQ94vgMYWUEu7u6gPqaD8a4pKqKhRANCAASTXcYzav8kF7A0k9emgzYfKWkT+BHn
3zeB9DbV3QI/qb7AAaMOXn4V/tPxRoclZAvo7FfKn38TREn9Jbyp7aTA
-----END PRIVATE KEY-----
`

export const testCertificate = `
-----BEGIN CERTIFICATE-----
MIIBoTCCAUegAwIBAgIUSpcznGl1g6tpso73E7S1u8LLvxMwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLb3JpZ2luLnRlc3QwIBcNMjYxMTIxMDQ0ODAyWhgPMjEyNjEw
MjgwNDQ4MDJaMBYxFDASBgNVBAMMC29yaWdpbi50ZXN0MFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEk13GM2r/JBewNJPXpoM2HylpE/gR5983gfQ21d0CP6m+wAGj
Dl5+Ff7T8UaHJWQL6OxXyp9/E0RJ/SW8qe2kwKNxMG8wHQYDVR0OBBYEFHZWqMRq
iBVoevjDuLQX5ad/x0HeMB8GA1UdIwQYMBaAFHZWqMRqiBVoevjDuLQX5ad/x0He
MA8GA1UdEwEB/wQFMAMBAf8wHAYDVR0RBBUwE4ILb3JpZ2luLnRlc3SHBH8AAAEw
CgYIKoZIzj0EAwIDSAAwRQIgVkjXP/5bBgsPwsj6eLI3Xw0jdE0Sycl0VdwGpny7
ZoQCIQDgHqheOID6gZraGoE0SlFvBZR4phdQj+yzhFHsMiElkA==
-----END CERTIFICATE-----
`
