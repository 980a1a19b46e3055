// The leaf over our own HTTP/1.1: the cases every leaf must pass, and what is particular to it.

import { conformLeaf } from './leaf-conformance.ts'
import { createHttp1Upstream } from './http1-upstream.ts'

conformLeaf('http1', createHttp1Upstream)
