/** A random key. `crypto.randomUUID` exists only on pages with TLS and on localhost. */
export const uniqueKey = (): string => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
