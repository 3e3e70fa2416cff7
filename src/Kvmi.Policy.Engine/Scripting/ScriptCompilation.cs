using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Scripting;

/// <summary>Result of compiling one script.</summary>
/// <param name="Script">The script; null when there are errors.</param>
/// <param name="Findings">Errors and warnings.</param>
/// <param name="FromCache">True when nothing had to be compiled.</param>
internal sealed record ScriptCompilation(CompiledScript? Script, IReadOnlyList<Finding> Findings, bool FromCache);
