using System.CommandLine;
using System.Net;
using Kvmi.Policy.Host.Control;
using Kvmi.Session.Endpoints;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>The options of <c>run</c> for operating and watching it from outside.</summary>
internal sealed class ControlOptions
{
    private readonly Option<string?> _control = Socket("Unix socket for status, list, reload, mode, explain, tail");

    private readonly Option<bool> _none = new("--no-control") { Description = "No control socket" };

    private readonly Option<string?> _metrics = new("--metrics")
    {
        Description = "Serve /metrics, /healthz and /readyz over TCP besides: 127.0.0.1:PORT",
        HelpName = "ADDRESS:PORT",
    };

    private readonly Option<bool> _remote = new("--metrics-allow-remote")
    {
        Description = "Let --metrics listen where other machines reach it; there is no encryption and no password",
    };

    private readonly Option<string?> _otlp = new("--otlp")
    {
        Description = "Send metrics to an OpenTelemetry collector (OTLP over HTTP): http://127.0.0.1:4318",
        HelpName = "URL",
    };

    /// <summary>--control of the verbs that speak to a running host.</summary>
    public static Option<string?> Client() => Socket("Control socket of the running host");

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command verb)
    {
        verb.Add(_control);
        verb.Add(_none);
        verb.Add(_metrics);
        verb.Add(_remote);
        verb.Add(_otlp);
    }

    /// <summary>What was asked for.</summary>
    /// <exception cref="UsageException">It cannot be.</exception>
    public ControlSettings Read(ParseResult parse)
    {
        var given = parse.GetValue(_control);
        if (given is not null && parse.GetValue(_none))
        {
            throw new UsageException("--control and --no-control exclude each other: give one of them.");
        }

        return new ControlSettings
        {
            Path = parse.GetValue(_none) ? null : given is null ? ControlPath.Default() : Path.GetFullPath(given),
            IsDefault = given is null,
            Metrics = parse.GetValue(_metrics) is { } address ? ReadAddress(address, parse.GetValue(_remote)) : null,
            Otlp = parse.GetValue(_otlp) is { } url ? ReadUrl(url) : null,
        };
    }

    private static Option<string?> Socket(string description) => new("--control")
    {
        Description = $"{description} (default: ${ControlPath.Variable}, else /run/kvmi-policy/control.sock for root, "
            + "else $XDG_RUNTIME_DIR/kvmi-policy/control.sock)",
        HelpName = "PATH",
    };

    private static KvmiEndpoint ReadAddress(string text, bool allowRemote)
    {
        if (!IPEndPoint.TryParse(text, out var address) || !text.Contains(':', StringComparison.Ordinal))
        {
            throw new UsageException($"--metrics {text}: give an address and a port, for example 127.0.0.1:9464.");
        }

        if (!allowRemote && !IPAddress.IsLoopback(address.Address))
        {
            throw new UsageException(
                $"--metrics {text}: other machines reach this address, and there is no encryption and no password. Give 127.0.0.1:{address.Port}, or add "
                + "--metrics-allow-remote.");
        }

        return KvmiEndpoint.TryParse($"tcp:{text}", allowRemote, out var endpoint, out var error)
            ? endpoint
            : throw new UsageException($"--metrics {text}: {error}");
    }

    private static Uri ReadUrl(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.UserInfo.Length == 0
            ? url
            : throw new UsageException($"--otlp {text}: give the collector's URL, for example http://127.0.0.1:4318.");
}
