import react from '@vitejs/plugin-react'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

/** Lays a .br and a .gz beside every text, so that the server never compresses. */
function precompress(): Plugin {
  return {
    name: 'precompress',
    apply: 'build',
    async writeBundle({ dir }) {
      for (const entry of await readdir(dir!, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(html|js|css|svg)$/.test(entry.name)) continue
        const path = join(entry.parentPath, entry.name)
        const bytes = await readFile(path)
        await writeFile(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }))
        await writeFile(`${path}.gz`, gzipSync(bytes, { level: 9 }))
      }
    },
  }
}

export default defineConfig({
  plugins: [react(), precompress()],
  build: {
    // Nothing inlined: the pages' content security policy allows no data: scripts and few data: images.
    assetsInlineLimit: 0,
    target: 'es2022',
    chunkSizeWarningLimit: 1_000,
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': { target: process.env.CAIRN_CONSOLE ?? 'http://localhost:10242', ws: true, changeOrigin: true, rewriteWsOrigin: true } } },
  // One document for all files: making a new one for each takes longer than their tests do. What a test puts in place of a global goes with it.
  test: { isolate: false, unstubGlobals: true, environment: 'jsdom', setupFiles: 'src/test-setup.ts', css: { modules: { classNameStrategy: 'non-scoped' } }, server: { deps: { inline: [/@primer/] } } },
})
