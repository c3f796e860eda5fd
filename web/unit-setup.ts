// Runs before each file of unit tests: the file gets its own modules and the globals of the process, although all files share one process.
import { vi } from 'vitest'

vi.resetModules()
vi.unstubAllGlobals()
vi.restoreAllMocks()
vi.useRealTimers()
