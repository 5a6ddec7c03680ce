import type { Plugin as EsbuildPlugin } from 'esbuild'
import type { Plugin as VitePlugin } from 'vitest/config'

export declare const workerSource: EsbuildPlugin
export declare const viteWorkerSource: VitePlugin
