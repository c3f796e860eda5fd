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
  try {
    localStorage.removeItem(key)
  } catch {
    // Without storage, there is nothing to remove.
  }
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
