using System.Globalization;
using System.Security.Cryptography;
using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>
/// The state of a training in a file: a safetensors file (tensors, and the losses of the epochs as metadata) followed by its SHA-256.
/// It is written beside and renamed, so that there is always a whole one.
/// </summary>
/// <param name="path">The file.</param>
/// <param name="identity">What the training is; another training's file is refused.</param>
/// <param name="state">The tensors to write, and to read into.</param>
internal sealed class Checkpoint(string path, string identity, IReadOnlyList<KeyValuePair<string, Tensor>> state)
{
    private const string Format = "MLNetExtensions training 1";

    /// <exception cref="InvalidOperationException">The file cannot be written; an old one stays as it was.</exception>
    internal void Save(IEnumerable<TrainingProgress> epochs)
    {
        var metadata = new Dictionary<string, string>
        {
            ["format"] = Format,
            ["identity"] = identity,
            ["epochs"] = string.Join('\n', epochs.Select(Write)),
        };
        try
        {
            WholeFile.Write(path, file =>
            {
                using var sha = SHA256.Create();
                using (var hashed = new CryptoStream(file, sha, CryptoStreamMode.Write, leaveOpen: true))
                {
                    SafetensorsWriter.Write(hashed, state, metadata);
                }
                file.Write(sha.Hash);
            });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"The checkpoint '{path}' cannot be written: {e.Message}", e);
        }
    }

    /// <summary>Reads the tensors into their places and returns the finished epochs; none if there is no file. A file that is refused changes nothing.</summary>
    /// <exception cref="InvalidOperationException">The file cannot be read, is damaged or belongs to another training.</exception>
    internal IReadOnlyList<(double TrainingLoss, double? ValidationLoss, TimeSpan Elapsed)> Load()
    {
        if (!File.Exists(path))
        {
            return [];
        }
        var bytes = Read();
        int length = bytes.Length - SHA256.HashSizeInBytes;
        if (length < 0 || !SHA256.HashData(bytes.AsSpan(0, length)).AsSpan().SequenceEqual(bytes.AsSpan(length)))
        {
            throw new InvalidOperationException($"The checkpoint '{path}' is damaged or no checkpoint: its checksum is wrong. Delete the file to train from the start, or choose another path.");
        }
        var reader = SafetensorsReader.Parse(bytes.AsMemory(0, length));
        if (reader.Metadata.GetValueOrDefault("format") is var format && format != Format)
        {
            throw new InvalidOperationException($"The checkpoint '{path}' has the format '{format}', expected '{Format}'. Delete the file to train from the start, or choose another path.");
        }
        if (reader.Metadata["identity"] != identity || !Fits(reader))
        {
            throw new InvalidOperationException($"The checkpoint '{path}' belongs to a training with other options or data. Delete the file to train from the start, or choose another path.");
        }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, tensor) in state)
        {
            tensor.copy_(reader.ToTensor(name));
        }
        return [.. reader.Metadata["epochs"].Split('\n').Select(Read)];
    }

    internal void Delete() => File.Delete(path);

    private byte[] Read()
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"The checkpoint '{path}' cannot be read: {e.Message}", e);
        }
    }

    // Numbers in their shortest form that reads back the same.
    private static string Write(TrainingProgress epoch)
        => string.Create(CultureInfo.InvariantCulture, $"{epoch.TrainingLoss:R} {epoch.ValidationLoss:R} {epoch.Elapsed.Ticks}");

    private static (double, double?, TimeSpan) Read(string epoch)
    {
        var parts = epoch.Split(' ');
        static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
        return (Number(parts[0]), parts[1] == "" ? null : Number(parts[1]), new TimeSpan(long.Parse(parts[2], CultureInfo.InvariantCulture)));
    }

    private bool Fits(SafetensorsReader reader)
        => reader.Names.Count == state.Count
            && state.All(item => reader.Contains(item.Key) && reader.ElementType(item.Key) == item.Value.dtype && reader.Shape(item.Key).SequenceEqual(item.Value.shape));
}
