using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Host.Control.Contract;
using Kvmi.Policy.Host.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Kvmi.Policy.Host.Control;

/// <summary>What the control socket answers.</summary>
internal static class ControlRoutes
{
    private const int DefaultLast = 20;

    /// <summary>Maps all paths.</summary>
    public static void Map(IEndpointRouteBuilder routes, HostView host, PrometheusPage metrics)
    {
        routes.MapGet("/healthz", (RequestDelegate)(context => TextAsync(context, 200, "live\n")));
        routes.MapGet("/readyz", (RequestDelegate)(context => host.IsReady
            ? TextAsync(context, 200, "ready\n")
            : TextAsync(context, 503, "not ready: not listening, no live policies, or no watchdog\n")));
        routes.MapGet("/metrics", (RequestDelegate)metrics.WriteAsync);
        routes.MapGet("/v1/status", (RequestDelegate)(context => JsonAsync(context, Replies.Status(host), ControlJson.Default.HostReply)));
        routes.MapGet("/v1/policies", (RequestDelegate)(context =>
            JsonAsync(context, Replies.Policies(host), ControlJson.Default.IReadOnlyListPolicyReply)));
        routes.MapPost("/v1/reload", (RequestDelegate)(context => ReloadAsync(context, host)));
        ShadowRoutes.Map(routes, host);
        routes.MapPut("/v1/mode", (RequestDelegate)(context => SetMasterAsync(context, host)));
        routes.MapPut("/v1/policies/{id}/mode", (RequestDelegate)(context => SetModeAsync(context, host)));
        routes.MapGet("/v1/decisions", (RequestDelegate)(context => DecisionsAsync(context, host)));
        routes.MapPut("/v1/decisions/emission", (RequestDelegate)(context => SetEmissionAsync(context, host)));
        routes.MapGet("/v1/tail", (RequestDelegate)(context => TailRoute.ServeAsync(context, host)));
        routes.MapFallback((RequestDelegate)(context =>
            ProblemAsync(context, 404, "Not found", "There is no such path; the control page lists them.")));
    }

    /// <summary>True for what is served over TCP too.</summary>
    public static bool IsPublic(PathString path) => path == "/metrics" || path == "/healthz" || path == "/readyz";

    /// <summary>Answers with problem details.</summary>
    public static Task ProblemAsync(HttpContext context, int status, string title, string detail)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/problem+json";
        return JsonSerializer.SerializeAsync(
            context.Response.Body, new ProblemReply("about:blank", title, status, detail), ControlJson.Default.ProblemReply, context.RequestAborted);
    }

    private static async Task ReloadAsync(HttpContext context, HostView host)
    {
        try
        {
            var report = await host.Policies.ReloadAsync(asShadow: context.Request.Query["shadow"] is ["true"]).WaitAsync(context.RequestAborted).ConfigureAwait(false);
            await JsonAsync(context, Replies.Reload(report), ControlJson.Default.ReloadReply).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            await ProblemAsync(context, 503, "Ending", "The host is ending and does not reload any more.").ConfigureAwait(false);
        }
    }

    private static async Task SetMasterAsync(HttpContext context, HostView host)
    {
        if (await ReadAsync(context, ControlJson.Default.ModeRequest).ConfigureAwait(false) is not { } request)
        {
            return;
        }

        MasterMode? mode = request.Mode switch { "as-written" => MasterMode.AsWritten, "audit" => MasterMode.Audit, "off" => MasterMode.Off, _ => null };
        if (mode is not { } given)
        {
            await ProblemAsync(context, 400, "No such mode", "The switch over all policies is as-written, audit or off.").ConfigureAwait(false);
            return;
        }

        host.Engine.SetMasterMode(given);
        await JsonAsync(context, new ModeReply(null, Replies.WordOf(given), Replies.WordOf(given)), ControlJson.Default.ModeReply).ConfigureAwait(false);
    }

    private static async Task SetModeAsync(HttpContext context, HostView host)
    {
        if (await ReadAsync(context, ControlJson.Default.ModeRequest).ConfigureAwait(false) is not { } request)
        {
            return;
        }

        PolicyMode? mode = request.Mode switch { "audit" => PolicyMode.Audit, "enforce" => PolicyMode.Enforce, _ => null };
        if (mode is null && request.Mode != "as-written")
        {
            await ProblemAsync(context, 400, "No such mode", "The switch of a policy is audit, enforce or as-written.").ConfigureAwait(false);
            return;
        }

        var id = (string)context.Request.RouteValues["id"]!;
        var definition = host.Engine.GetDefinitions().FirstOrDefault(policy => policy.Id == id);
        if (definition is null)
        {
            await ProblemAsync(context, 404, "No such policy", "The live generation has no such policy; list names those that it has.").ConfigureAwait(false);
        }
        else if (!host.Engine.TrySetPolicyMode(id, mode, out var problem))
        {
            await ProblemAsync(context, 409, "Refused", problem).ConfigureAwait(false);
        }
        else
        {
            var reply = new ModeReply(id, mode is { } given ? Replies.WordOf(given) : "as-written", Replies.Modes(host, definition).Effective);
            await JsonAsync(context, reply, ControlJson.Default.ModeReply).ConfigureAwait(false);
        }
    }

    private static Task DecisionsAsync(HttpContext context, HostView host)
    {
        var last = DefaultLast;
        if (context.Request.Query["last"] is [{ } text] && (!int.TryParse(text, out last) || last is < 1 or > 2 * DecisionHistory.Capacity))
        {
            return ProblemAsync(context, 400, "No such number", $"last is a number from 1 to {2 * DecisionHistory.Capacity}.");
        }

        var policy = context.Request.Query["policy"] is [{ } id] ? id : null;
        var found = host.Feed.Decisions.Latest(last, decision => policy is null || RecordFilter.Concerns(decision, policy), out var forgotten);
        return JsonAsync(
            context,
            new DecisionsReply(host.Engine.EmitAllDecisions, forgotten, [.. found.Select(entry => Replies.Decision(entry.Number, entry.Decision))]),
            ControlJson.Default.DecisionsReply);
    }

    private static async Task SetEmissionAsync(HttpContext context, HostView host)
    {
        if (await ReadAsync(context, ControlJson.Default.EmissionRequest).ConfigureAwait(false) is not { } request)
        {
            return;
        }

        if (request.All is not { } all)
        {
            await ProblemAsync(context, 400, "Nothing asked for", "The body is {\"all\": true} or {\"all\": false}.").ConfigureAwait(false);
            return;
        }

        host.Engine.EmitAllDecisions = all;
        await JsonAsync(context, new EmissionRequest(all), ControlJson.Default.EmissionRequest).ConfigureAwait(false);
    }

    private static Task JsonAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type)
    {
        context.Response.ContentType = "application/json";
        return JsonSerializer.SerializeAsync(context.Response.Body, value, type, context.RequestAborted);
    }

    private static Task TextAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(text, context.RequestAborted);
    }

    /// <summary>Reads the body; null when it was refused, and that is answered.</summary>
    private static async Task<T?> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            if (await JsonSerializer.DeserializeAsync(context.Request.Body, type, context.RequestAborted).ConfigureAwait(false) is { } value)
            {
                return value;
            }

            await ProblemAsync(context, 400, "Bad request", "The body is empty.").ConfigureAwait(false);
        }
        catch (JsonException)
        {
            await ProblemAsync(context, 400, "Bad request", "The body is no JSON of the expected form.").ConfigureAwait(false);
        }
        catch (BadHttpRequestException exception)
        {
            await ProblemAsync(context, exception.StatusCode, "Bad request", exception.Message).ConfigureAwait(false);
        }

        return null;
    }
}
