using System.Security.Cryptography;
using System.Text;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Testing.Traces.Recording;

/// <summary>Tells versions of a policy apart that say the same number.</summary>
internal static class PolicyDigest
{
    /// <summary>SHA-256 over the policy file, its script and the scripts beside it, in hex.</summary>
    /// <returns>Null when one of them cannot be read.</returns>
    public static string? Of(PolicyDefinition policy)
    {
        try
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var folder = Path.GetDirectoryName(Path.GetFullPath(policy.File)) ?? "";
            string[] scripts = policy.Code.ScriptFile is null ? [] : Directory.GetFiles(folder, "*.csx");
            foreach (var file in scripts.Order(StringComparer.Ordinal).Prepend(policy.File))
            {
                var bytes = File.ReadAllBytes(file);
                hash.AppendData(Encoding.UTF8.GetBytes($"{Path.GetFileName(file)}\n{bytes.Length}\n"));
                hash.AppendData(bytes);
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
