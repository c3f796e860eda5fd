// A number that is stored in this browser, such as the position of a splitter.
import { useState } from 'react'
import { read, write } from '../util/storage'

export function useStoredNumber(key: string, initial: number, min: number, max: number): [number, (value: number) => void] {
  const [value, setValue] = useState(() => {
    const stored = Number(read(key) ?? NaN)
    return stored >= min && stored <= max ? stored : initial
  })
  const change = (next: number) => {
    const bounded = Math.min(max, Math.max(min, next))
    write(key, String(bounded))
    setValue(bounded)
  }
  return [value, change]
}
