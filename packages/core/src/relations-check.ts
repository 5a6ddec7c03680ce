import type { PolicyLayer } from './policy-check.ts'
import { inside, refuse, type Spot } from './value-check.ts'

/** What the weaker layers say that decides what a stronger one may. */
export interface WeakerLayers {
  readonly methods: ReadonlySet<string>
  readonly key: { readonly body: 'none' | 'bytes' | 'json' }
  readonly scope: unknown
}

/** Undefined where what was stated is refused already: a second problem would only be its echo. */
const bodyRule = (layer: PolicyLayer, weaker: WeakerLayers): WeakerLayers['key']['body'] | undefined => {
  if (!('key' in layer)) return weaker.key.body
  return layer.key !== undefined && !('body' in layer.key) ? weaker.key.body : layer.key?.body
}

const checkBodies = (layer: PolicyLayer, weaker: WeakerLayers, spot: Spot): void => {
  const body = bodyRule(layer, weaker)
  if (body !== 'none') return
  const method = ['POST', 'QUERY'].find((name) => (layer.methods ?? weaker.methods).has(name))
  if (method === undefined) return
  const sentence = `methods contains "${method}" but key.body is "none": different bodies would share one response. Set key.body to "json" or "bytes".`
  const at = inside(spot, layer.methods === undefined ? 'key.body' : 'methods')
  refuse(at, 'CACHE_CONFIG_METHOD_BODY', layer.methods === undefined ? body : method, sentence, 'json')
}

let timeoutReported = false

const checkFormerName = (given: object, layer: PolicyLayer, spot: Spot): void => {
  if (!('timeout' in layer)) return
  if ('ttl' in layer) {
    const sentence = 'ttl and timeout are both given. timeout is the former name of ttl: keep ttl alone.'
    const received: unknown = Object.entries(given).find(([name]) => name === 'timeout')?.[1]
    refuse(inside(spot, 'timeout'), 'CACHE_CONFIG_TYPE', received, sentence, 'ttl')
  } else if (!timeoutReported) {
    const message = `${spot.place}: timeout is the former name of ttl. Use ttl.`
    spot.warnings.push({ code: 'CACHE_CONFIG_DEPRECATED', message })
  }
}

const checkLimits = ({ softTimeout, hardTimeout }: PolicyLayer, spot: Spot): void => {
  if (softTimeout === undefined || hardTimeout === undefined || softTimeout < hardTimeout) return
  const sentence = `softTimeout (${softTimeout} ms) must be below hardTimeout (${hardTimeout} ms): it would never act.`
  refuse(inside(spot, 'softTimeout'), 'CACHE_CONFIG_RANGE', softTimeout, sentence)
}

/** What the response forbids is overridden for somebody: for whom, the policy has to say. */
const checkPrecedence = ({ precedence, scope }: PolicyLayer, weaker: WeakerLayers, spot: Spot): void => {
  if (precedence !== 'policy' || (scope ?? weaker.scope) !== undefined) return
  const sentence = 'precedence "policy" would override private responses; state scope as well.'
  refuse(inside(spot, 'precedence'), 'CACHE_CONFIG_SCOPE', precedence, sentence, 'scope')
}

/** Checks what members of a layer mean beside each other and over the weaker ones; what is weaker than the next. */
export const checkRelations = (
  given: object,
  layer: PolicyLayer,
  weaker: WeakerLayers,
  spot: Spot,
): WeakerLayers => {
  checkFormerName(given, layer, spot)
  checkLimits(layer, spot)
  checkPrecedence(layer, weaker, spot)
  checkBodies(layer, weaker, spot)
  return {
    methods: layer.methods ?? weaker.methods,
    key: { body: layer.key?.body ?? weaker.key.body },
    scope: layer.scope ?? weaker.scope,
  }
}

/** The same for layers over each other. */
export const checkLayers = (layers: readonly PolicyLayer[], weaker: WeakerLayers, spot: Spot): void => {
  let below = weaker
  for (const layer of layers) below = checkRelations(layer, layer, below, spot)
}

/** The former name has been spoken of. */
export const noteFormerName = (): void => {
  timeoutReported = true
}
