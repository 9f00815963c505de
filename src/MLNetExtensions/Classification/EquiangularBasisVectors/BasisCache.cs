using System.Globalization;
using System.Security.Cryptography;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>
/// Sets that took time to make, as safetensors files in a folder of the user. A file is written beside and renamed; one that is damaged or no set like the one
/// that is wanted is made anew, and no trouble with files keeps a training from going on.
/// </summary>
internal sealed class BasisCache
{
    private const string Format = "MLNetExtensions basis 1";
    private const string VectorsName = "vectors";
    private const string MaximumName = "max_abs_cosine";
    private const string StepsName = "steps";
    private const string HashName = "sha256";

    private readonly string _folder;
    private readonly string _path;
    private readonly string _key;
    private readonly EquiangularBasisSettings _settings;
    private readonly EquiangularBasisGenerator _generator;

    internal BasisCache(string folder, EquiangularBasisSettings settings)
    {
        _folder = folder;
        _settings = settings;
        _generator = settings.ChosenGenerator;
        _key = Key(settings);
        _path = Path.Combine(folder, _key + ".safetensors");
    }

    /// <summary>Gold sequences are made as fast as they are read; a file has to fit into an array.</summary>
    private bool IsWorthwhile => _generator != EquiangularBasisGenerator.Gold && 4L * _settings.Count * _settings.Dimension < int.MaxValue / 2;

    internal EquiangularBasis? Read(Action<string>? warn)
    {
        if (!IsWorthwhile || !File.Exists(_path))
        {
            return null;
        }
        try
        {
            var reader = SafetensorsReader.Parse(File.ReadAllBytes(_path));
            var vectors = reader.ToTensor(VectorsName);
            if (Text(reader, "format") != Format || Text(reader, "key") != _key || vectors.dtype != ScalarType.Float32
                || !vectors.shape.AsSpan().SequenceEqual([_settings.Count, _settings.Dimension]))
            {
                throw new FormatException("It holds something else.");
            }
            if (Text(reader, HashName) != Hash(vectors))
            {
                throw new FormatException("Its checksum is wrong.");
            }
            return new(vectors, _generator, _settings.Seed, int.Parse(Text(reader, StepsName), CultureInfo.InvariantCulture), double.Parse(Text(reader, MaximumName), CultureInfo.InvariantCulture));
        }
        catch (Exception error) when (error is FormatException or OverflowException or IOException or UnauthorizedAccessException)
        {
            warn?.Invoke($"The basis in '{_path}' cannot be used and is made anew. {error.Message}");
            return null;
        }
    }

    internal void Write(EquiangularBasis basis, Action<string>? warn)
    {
        if (!IsWorthwhile)
        {
            return;
        }
        // Of its own: another training may write the same set at the same time.
        var part = Path.Combine(_folder, Path.GetRandomFileName() + ".part");
        try
        {
            Directory.CreateDirectory(_folder);
            WholeFile.Write(_path, file => SafetensorsWriter.Write(file, [new(VectorsName, basis.Vectors)], new Dictionary<string, string>
            {
                ["format"] = Format,
                ["key"] = _key,
                [HashName] = Hash(basis.Vectors),
                [MaximumName] = basis.MaxAbsCosine.ToString("R", CultureInfo.InvariantCulture),
                [StepsName] = basis.Steps.ToString(CultureInfo.InvariantCulture),
            }), part);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            warn?.Invoke($"The basis cannot be kept in '{_path}'. {error.Message}");
        }
    }

    /// <summary>All that decides which set it is, but for the number of threads.</summary>
    private static string Key(EquiangularBasisSettings settings)
    {
        var key = string.Create(CultureInfo.InvariantCulture, $"ebv-{settings.Count}x{settings.Dimension}-{settings.ChosenGenerator}-{settings.Seed}");
        return settings.ChosenGenerator switch
        {
            EquiangularBasisGenerator.SmoothMaximum => string.Create(CultureInfo.InvariantCulture,
                $"{key}-{settings.NumberOfStarts}x{settings.Schedule.Steps}-{settings.Schedule.LearningRate:R}-{settings.FirstSharpness:R}-{settings.LastSharpness:R}"),
            EquiangularBasisGenerator.Hinge => string.Create(CultureInfo.InvariantCulture,
                $"{key}-{settings.NumberOfStarts}x{settings.HingeSteps}-{settings.HingeLearningRate:R}-{settings.Threshold:R}"),
            _ => key,
        };
    }

    private static string Text(SafetensorsReader reader, string name)
        => reader.Metadata.TryGetValue(name, out var text) ? text : throw new FormatException($"It has no '{name}'.");

    private static string Hash(Tensor vectors)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(vectors.bytes));
        GC.KeepAlive(vectors);
        return hash;
    }
}
