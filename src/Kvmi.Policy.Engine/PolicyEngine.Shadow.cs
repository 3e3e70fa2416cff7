using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Policy.Engine.Shadow;

namespace Kvmi.Policy.Engine;

/// <content>A generation that runs beside the live one without a vote.</content>
public sealed partial class PolicyEngine
{
    /// <inheritdoc/>
    Generation? IShadowTarget.Shadow => _services.Shadow?.Generation;

    /// <summary>What the shadow did so far; null without one. Any thread.</summary>
    public ShadowSummary? GetShadow() => _services.Shadow?.Summarise();

    /// <inheritdoc/>
    public void SetShadow(Generation next)
    {
        ArgumentNullException.ThrowIfNull(next);
        ShadowBook? before;
        lock (_gate)
        {
            before = _services.Shadow;
            _services.Shadow = new ShadowBook(next, _output.Write);
        }

        End(before);
    }

    /// <inheritdoc/>
    public bool TryPromote([System.Diagnostics.CodeAnalysis.NotNullWhen(false)] out string? problem)
    {
        ShadowBook? shadow;
        lock (_gate)
        {
            shadow = _services.Shadow;
            problem = shadow is null ? "There is no shadow: nothing was reloaded since the last promote."
                : shadow.Hanging() is { Count: > 0 } hanging
                    ? $"The shadow's code does not come back on {string.Join(", ", hanging)}: live it would keep a vCPU waiting. Discard it, or correct the policy and save it again."
                    : null;
            if (problem is not null)
            {
                return false;
            }

            _services.Shadow = null;
        }

        shadow!.Stop();
        Swap(shadow.Generation);
        return true;
    }

    /// <inheritdoc/>
    public bool Discard()
    {
        ShadowBook? before;
        lock (_gate)
        {
            before = _services.Shadow;
            _services.Shadow = null;
        }

        End(before);
        return before is not null;
    }

    /// <summary>Takes over the switches of the engine whose events it is shown.</summary>
    internal void Follow(EngineServices live)
    {
        _services.Modes = live.Modes;
        _services.Master = live.Master;
    }

    private static void End(ShadowBook? shadow)
    {
        shadow?.Stop();
        shadow?.Generation.Release();
    }
}
