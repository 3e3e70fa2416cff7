using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Control.Contract;

namespace Kvmi.Policy.Host.Control;

/// <summary>Speaks to a running host over its control socket. What the host answers is read with limits, as anything from a socket is.</summary>
internal sealed class ControlClient : IDisposable
{
    private const int MaxReplyBytes = 64 * 1024 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(100);
    private readonly string _path;
    private readonly HttpClient _http;

    /// <summary>Makes a client; connects with the first request.</summary>
    /// <param name="path">The socket; null for the default one.</param>
    /// <exception cref="HostEnvironmentException">There is no default.</exception>
    public ControlClient(string? path)
    {
        _path = path is not null
            ? Path.GetFullPath(path)
            : ControlPath.Default() ?? throw new HostEnvironmentException(
                "There is no default control socket, because XDG_RUNTIME_DIR is not set. Give the path that the host was started with: --control PATH.");
        _http = new HttpClient(new SocketsHttpHandler { ConnectCallback = ConnectAsync, UseProxy = false, AllowAutoRedirect = false })
        {
            BaseAddress = new Uri("http://kvmi-policy/"),
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = MaxReplyBytes,
        };
    }

    /// <summary>GET.</summary>
    /// <exception cref="HostEnvironmentException">No host answers.</exception>
    /// <exception cref="ControlRefusedException">The host refused.</exception>
    public Task<T> GetAsync<T>(string path, JsonTypeInfo<T> reply, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Get, path, null, reply, cancellation);

    /// <summary>POST without a body.</summary>
    /// <exception cref="HostEnvironmentException">No host answers.</exception>
    /// <exception cref="ControlRefusedException">The host refused.</exception>
    public Task<T> PostAsync<T>(string path, JsonTypeInfo<T> reply, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Post, path, null, reply, cancellation);

    /// <summary>PUT.</summary>
    /// <exception cref="HostEnvironmentException">No host answers.</exception>
    /// <exception cref="ControlRefusedException">The host refused.</exception>
    public Task<TReply> PutAsync<TBody, TReply>(
        string path, TBody body, JsonTypeInfo<TBody> type, JsonTypeInfo<TReply> reply, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Put, path, JsonSerializer.SerializeToUtf8Bytes(body, type), reply, cancellation);

    /// <summary>Copies what the host streams until it ends, or until the wait is cancelled.</summary>
    /// <exception cref="HostEnvironmentException">No host answers.</exception>
    /// <exception cref="ControlRefusedException">The host refused.</exception>
    public async Task CopyAsync(string path, Stream destination, CancellationToken cancellation)
    {
        try
        {
            using var response = await _http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
            await ThrowIfRefusedAsync(response, cancellation).ConfigureAwait(false);
            using var stream = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            var buffer = new byte[16 * 1024];
            int read;
            while ((read = await stream.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0)
            {
                await destination.WriteAsync(buffer.AsMemory(0, read), cancellation).ConfigureAwait(false);
                await destination.FlushAsync(cancellation).ConfigureAwait(false);
            }
        }
        catch (HttpRequestException exception)
        {
            throw Unreachable(exception);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<T> SendAsync<T>(HttpMethod method, string path, byte[]? body, JsonTypeInfo<T> reply, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            using var request = new HttpRequestMessage(method, path);
            if (body is not null)
            {
                request.Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
            }

            using var response = await _http.SendAsync(request, limit.Token).ConfigureAwait(false);
            await ThrowIfRefusedAsync(response, limit.Token).ConfigureAwait(false);
            using var stream = await response.Content.ReadAsStreamAsync(limit.Token).ConfigureAwait(false);
            return await JsonSerializer.DeserializeAsync(stream, reply, limit.Token).ConfigureAwait(false)
                ?? throw new HostEnvironmentException($"{_path}: the host's answer is empty. Is it another version than {Program.Version}?");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new HostEnvironmentException($"{_path}: the host has not answered within {Patience.TotalSeconds:0} s.");
        }
        catch (JsonException exception)
        {
            throw new HostEnvironmentException($"{_path}: the answer is not understood: {exception.Message} Is the host another version than {Program.Version}?", exception);
        }
        catch (HttpRequestException exception)
        {
            throw Unreachable(exception);
        }
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(_path), cancellation).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task ThrowIfRefusedAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        if (response.IsSuccessStatusCode)
        {
            return;
        }

        ProblemReply? problem = null;
        if (response.Content.Headers.ContentType?.MediaType == "application/problem+json")
        {
            using var stream = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            problem = await JsonSerializer.DeserializeAsync(stream, ControlJson.Default.ProblemReply, cancellation).ConfigureAwait(false);
        }

        throw new ControlRefusedException(
            response.StatusCode == HttpStatusCode.BadRequest, problem?.Detail ?? $"The host answered {(int)response.StatusCode}.");
    }

    private HostEnvironmentException Unreachable(HttpRequestException exception) => exception.InnerException switch
    {
        SocketException { SocketErrorCode: SocketError.AccessDenied } =>
            new($"{_path}: the control socket belongs to another user. Run this as that user, or as root.", exception),
        SocketException =>
            new($"{_path}: no host listens there. Start one with 'kvmi-policy run', or name its socket: --control PATH.", exception),
        _ => new($"{_path}: the host closed the connection: {exception.Message} It is ending, belongs to another user, or has too many connections.", exception),
    };
}
