// Reads a JSON list of {key, salt, token, max_age} from standard input and
// writes, for each, {token, cookies}: the session token that Auth.js makes, and
// the cookies in which it has the browser keep the token. An entry with
// "hs256": true becomes a signed token instead.
import { encode } from "@auth/core/jwt"
import { SignJWT } from "jose"
// No path of the package leads there.
import { SessionStore } from "./node_modules/@auth/core/lib/utils/cookie.js"

const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const requests = JSON.parse(Buffer.concat(chunks).toString("utf8"))

async function mint({ key, salt, token, max_age, hs256 }) {
  if (!hs256) return encode({ secret: key, salt, token, maxAge: max_age })
  return new SignJWT(token)
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuedAt()
    .setExpirationTime(`${max_age}s`)
    .sign(new TextEncoder().encode(key))
}

async function keep(request) {
  const token = await mint(request)
  const store = new SessionStore({ name: request.salt, options: {} }, {}, { debug() {} })
  return { token, cookies: store.chunk(token, {}).map(({ name, value }) => ({ name, value })) }
}

process.stdout.write(JSON.stringify(await Promise.all(requests.map(keep))))
