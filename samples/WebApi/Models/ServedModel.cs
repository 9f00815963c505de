using System.Security.Cryptography;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace WebApi.Models;

/// <summary>A model that was loaded from a file, with what serves requests from it.</summary>
internal abstract class ServedModel : IDisposable
{
    private const int VersionLength = 12;

    /// <summary>Loads the file.</summary>
    /// <exception cref="Exception">The file is no model of ML.NET.</exception>
    protected ServedModel(string path)
    {
        Version = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)))[..VersionLength];
        Transformer = Context.Model.Load(path, out var schema);
        InputSchema = schema;
    }

    public MLContext Context { get; } = new();

    public ITransformer Transformer { get; }

    /// <summary>The columns of the training data. Null: the file does not say.</summary>
    public DataViewSchema? InputSchema { get; }

    /// <summary>The file that it is of: the beginning of its SHA-256.</summary>
    public string Version { get; protected init; }

    public DateTimeOffset LoadedAt { get; } = DateTimeOffset.UtcNow;

    /// <summary>What it is, for people.</summary>
    public abstract string Description { get; }

    public void Dispose()
    {
        DisposeEngines();
        (Transformer as IDisposable)?.Dispose();
    }

    protected abstract void DisposeEngines();

    protected PredictionEngine<TIn, TOut> CreateEngine<TIn, TOut>(SchemaDefinition? input = null)
        where TIn : class
        where TOut : class, new()
        // The transformer is that of all engines.
        => Context.Model.CreatePredictionEngine<TIn, TOut>(Transformer, new PredictionEngineOptions { OwnsTransformer = false, InputSchemaDefinition = input });
}
