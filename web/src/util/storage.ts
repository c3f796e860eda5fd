// The browser's storage, which may be full, disabled or read by another tab at any time.

export function read(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

/** Whether the value was stored. */
export function write(key: string, value: string): boolean {
  try {
    localStorage.setItem(key, value)
    return true
  } catch {
    return false
  }
}

export function remove(key: string): void {
  unstored.delete(key)
  try {
    localStorage.removeItem(key)
  } catch {
    // Without storage, there is nothing to remove.
  }
}

// Choices. A choice that the storage does not take holds for this page.

const unstored = new Map<string, string>()

// Another tab has changed the choice.
globalThis.addEventListener?.('storage', ({ key }) => unstored.delete(key ?? ''))

export const chosen = (key: string): string | null => unstored.get(key) ?? read(key)

export function choose(key: string, value: string): void {
  if (write(key, value)) unstored.delete(key)
  else unstored.set(key, value)
}

// The storage of one tab. It outlives a reload, and ends with the tab.

export function readOfTab(key: string): string | null {
  try {
    return sessionStorage.getItem(key)
  } catch {
    return null
  }
}

/** The JSON value of a key; `null` if there is none, or it is malformed. */
export function readJsonOfTab(key: string): unknown {
  try {
    return JSON.parse(readOfTab(key) ?? 'null')
  } catch {
    return null
  }
}

export function writeOfTab(key: string, value: string): void {
  try {
    sessionStorage.setItem(key, value)
  } catch {
    // Without storage, the page keeps the value until it is left.
  }
}

export function removeOfTab(key: string): void {
  try {
    sessionStorage.removeItem(key)
  } catch {
    // Without storage, there is nothing to remove.
  }
}
