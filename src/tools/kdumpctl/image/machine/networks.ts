/**
 * All of the network that a capture needs: the way to the target's server, and to the nodes that are told of the save. A node that cannot be reached now
 * is no reason not to arm: it is a warning.
 */
import { VmcoreError } from '../../../../base/errors.ts';
import type { CardPlan, NetworkPlan } from '../../targets/network-plan.ts';
import type { LiveSystem } from './live-system.ts';
import { type Network, networkTo } from './network-card.ts';

export interface Networks {
  /** The card on the way to the server is the first: its address names the dump's folder. Undefined when nothing is on a network. */
  readonly plan: NetworkPlan | undefined;
  /** The cards' folders in sysfs, links resolved, each once. */
  readonly devices: readonly string[];
  readonly warnings: readonly string[];
}

/** `server`: the target's. networkTo()'s errors when that cannot be reached. */
export async function networksTo(
  machine: LiveSystem,
  server: string | undefined,
  nodes: readonly string[],
): Promise<Networks> {
  const found: Network[] = server === undefined ? [] : [await networkTo(machine, server)];
  const warnings: string[] = [];
  for (const node of nodes) {
    try {
      found.push(await networkTo(machine, node));
    } catch (error) {
      if (!(error instanceof VmcoreError)) throw error;
      warnings.push(`fence_kdump_nodes: ${node} will not hear of a save: ${error.toLine()}`);
    }
  }
  return {
    plan: found.length === 0 ? undefined : mergedPlan(found.map(({ plan }) => plan)),
    devices: [...new Set(found.map(({ device }) => device))],
    warnings,
  };
}

/** A card has all its routes in every plan that it is in, and the name servers are the machine's. */
function mergedPlan(plans: readonly NetworkPlan[]): NetworkPlan {
  const cards = new Map<string, CardPlan>();
  for (const card of plans.flatMap(({ cards }) => cards)) {
    const known = cards.get(card.mac);
    // A lease counts for IPv4, and whether there is one is known only from the plans for IPv4 addresses.
    if (known === undefined || card.configured === 'dhcp') cards.set(card.mac, card);
  }
  const hosts = new Map(
    plans.flatMap(({ hosts }) => hosts).map((host) => [`${host.name} ${host.address}`, host]),
  );
  return {
    cards: [...cards.values()],
    hosts: [...hosts.values()],
    nameServers: [...new Set(plans.flatMap(({ nameServers }) => nameServers))],
  };
}
