// Reads a JSON list of {secret, salt, token, maxAge} from standard input and
// writes the list of session tokens that Auth.js makes of them. An entry with
// "hs256": true becomes a signed token instead.
import { encode } from "@auth/core/jwt"
import { SignJWT } from "jose"

const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const requests = JSON.parse(Buffer.concat(chunks).toString("utf8"))

async function mint({ secret, salt, token, maxAge, hs256 }) {
  if (!hs256) return encode({ secret, salt, token, maxAge })
  return new SignJWT(token)
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuedAt()
    .setExpirationTime(`${maxAge}s`)
    .sign(new TextEncoder().encode(secret))
}

process.stdout.write(JSON.stringify(await Promise.all(requests.map(mint))))
