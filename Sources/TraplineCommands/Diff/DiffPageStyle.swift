// How the page of a comparison looks.

extension DiffPage {
  static let style = """
    :root { color-scheme: light dark; --line: #8886; --back: light-dark(#fff, #16181c); --panel: light-dark(#f5f6f8, #22262c);
      --guestUser: light-dark(#cfe8ff, #1d4a73); --guestKernel: light-dark(#d9f2d9, #23552a);
      --monitor: light-dark(#ffe9b8, #6b5310); --hostKernel: light-dark(#ffd6cc, #7a3322);
      --vmx: light-dark(#f0d4f5, #5d2a69); --vmkernel: light-dark(#cdf3ee, #16574e); --device: light-dark(#e2e2e2, #4a4d52); }
    body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 88rem; padding: 0 1rem; background: var(--back); }
    h1 { font-size: 1.4rem; }
    mark { color: inherit; padding: 0 .4em; border-radius: 3px; }
    .legend { list-style: none; padding: 0; display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: .2rem 1rem; }
    .totals { border-collapse: collapse; font-variant-numeric: tabular-nums; }
    .totals td, .totals th { padding: .15rem .6rem; border-bottom: 1px solid var(--line); text-align: right; }
    .totals th:first-child { text-align: left; }
    .totals .bar { width: 8rem; text-align: left; }
    .totals .bar i { display: block; height: .8em; min-width: 1px; border: 1px solid var(--line); }
    .tools { position: sticky; top: 0; background: var(--back); padding: .5rem 0; z-index: 2; }
    details { border: 1px solid var(--line); border-radius: 6px; margin: .4rem 0; }
    summary { cursor: pointer; padding: .35rem .7rem; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
    summary::before { content: "\\25b8"; }
    details[open] > summary::before { content: "\\25be"; }
    summary span { opacity: .75; font-variant-numeric: tabular-nums; }
    .row { display: grid; grid-template-columns: 1fr 1fr; gap: 0 .8rem; }
    .cell { position: relative; min-height: 1.45em; border-left: 1px solid var(--line); overflow: hidden; }
    .heads { font-size: .8rem; opacity: .8; padding-top: .3rem; }
    .heads .cell { display: flex; }
    .heads span { flex: 1; }
    .cell.none { background: repeating-linear-gradient(135deg, transparent 0 7px, var(--line) 7px 8px); opacity: .35; }
    .box { font: 12px/1.3 ui-monospace, monospace; border: 1px solid var(--line); border-radius: 3px; color: inherit; margin: 1px 0;
      padding: 0 .35em; cursor: pointer; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; max-width: 100%; text-align: left; }
    .box:focus-visible { outline: 2px solid Highlight; }
    .box.chosen { outline: 2px solid currentColor; }
    .only .box { font-weight: 700; border-width: 2px; }
    .sign { font-weight: 700; padding: 0 .25em; }
    .flow { position: absolute; bottom: 0; height: 0; border-bottom: 2px solid currentColor; opacity: .6; }
    .flow::after { content: ""; position: absolute; bottom: -5px; border: 4px solid transparent; }
    .flow.right::after { right: -4px; border-left-color: currentColor; }
    .flow.left::after { left: -4px; border-right-color: currentColor; }
    #details { position: fixed; right: 1rem; bottom: 1rem; max-width: 30rem; background: var(--panel); border: 1px solid var(--line);
      border-radius: 6px; padding: .7rem 1rem; box-shadow: 0 2px 12px #0004; font: 13px/1.4 ui-monospace, monospace; }
    #details[hidden] { display: none; }
    #details dt { opacity: .7; } #details dd { margin: 0 0 .2rem 1rem; overflow-wrap: anywhere; }
    .paths { padding: .2rem .6rem .6rem; }
    footer { opacity: .7; margin: 2rem 0 6rem; font-size: .85rem; }
    .c-guestUser { background: var(--guestUser); } .c-guestKernel { background: var(--guestKernel); }
    .c-monitor { background: var(--monitor); } .c-hostKernel { background: var(--hostKernel); }
    .c-vmx { background: var(--vmx); } .c-vmkernel { background: var(--vmkernel); } .c-device { background: var(--device); }
    """
}
